import { type FormEvent, type ReactNode, useState } from "react";
import { Answer, graphql, type ResultOf } from "../api/graphql";
import { changes } from "../api/intent";
import { type Outcome, send } from "../api/intents";
import type { RowState } from "../api/overlay";
import { errorOf, otherError } from "../api/refusals";
import { updateViewer, useViewer } from "../api/session";
import { useLive, useOwnWrites } from "../api/views";
import { Button } from "../ui/button";
import { Actions } from "../ui/dialog";
import { Field, TextAreaField } from "../ui/field";
import { PageHead, Panel } from "../ui/page";
import { RowMark, rowClass } from "../ui/row-state";
import { Empty, Failure, Loading } from "../ui/states";
import { TimeText } from "../ui/text";
import css from "./account.module.css";
import { Closing } from "./closing";
import { NameFields } from "./name-fields";

const Account = graphql(`
  subscription Account($id: ID!) {
    user(id: $id) { id position version email firstName lastName phone address role createdAt lastLoginAt }
  }
`);
const UpdateProfile = graphql(
  `mutation UpdateUserProfile($input: UpdateUserProfileInput!) { updateUserProfile(input: $input) { ...Answer } }`,
  [Answer],
);
const UpdateContact = graphql(
  `mutation UpdateUserContact($input: UpdateUserContactInput!) { updateUserContact(input: $input) { ...Answer } }`,
  [Answer],
);
const ChangeEmail = graphql(
  `mutation ChangeUserEmail($input: ChangeUserEmailInput!) { changeUserEmail(input: $input) { ...Answer } }`,
  [Answer],
);
const ChangePassword = graphql(
  `mutation ChangeUserPassword($input: ChangeUserPasswordInput!) { changeUserPassword(input: $input) { ...Answer } }`,
  [Answer],
);

type User = NonNullable<ResultOf<typeof Account>["user"]>;

export default function AccountPage() {
  const viewer = useViewer();
  const live = useLive(Account, viewer && { id: viewer.id }, (data) => data.user, "users");
  const { row: user, state } = useOwnWrites<User>("users", live.value);
  return (
    <div className={css.narrow}>
      <PageHead title="Account" />
      {live.problem && <Failure problem={live.problem} />}
      {live.status === "loading" && <Loading />}
      {live.value === null && <Empty title="The account is not to be seen yet" />}
      {user && (
        <div className={css.columns}>
          <div className={css.stack}>
            <Profile user={user} state={state} />
            <Email user={user} state={state} />
            <Password user={user} state={state} />
          </div>
          <div className={css.stack}>
            <Contact user={user} state={state} />
            <Closing user={user} />
          </div>
        </div>
      )}
    </div>
  );
}

interface PartProps {
  user: User;
  state: RowState | null;
}

// Each part of the page shows what its own command does to the account.
function stateOf(state: RowState | null, command: string): RowState | null {
  return state?.intent.name === command ? state : null;
}

interface FormProps {
  title: string;
  state: RowState | null;
  submit: string;
  /** The fields whose refusals stand beside them. */
  fields: readonly string[];
  onSubmit(values: (name: string) => string, form: HTMLFormElement): Promise<Outcome>;
  children(outcome: Outcome | null): ReactNode;
}

function Form({ title, state, submit, fields, onSubmit, children }: FormProps) {
  const [isBusy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const values = new FormData(form);
    setBusy(true);
    setOutcome(await onSubmit((name) => String(values.get(name) ?? ""), form));
    setBusy(false);
  }
  const other = otherError(outcome, fields);
  return (
    <Panel title={title} actions={<RowMark state={state} />} className={rowClass(state)}>
      <form className={css.form} onSubmit={send} aria-label={title}>
        {children(outcome)}
        {other && (
          <p role="alert" className={css.error}>
            {other}
          </p>
        )}
        <Actions>
          <Button type="submit" disabled={isBusy}>
            {isBusy ? "Saving…" : submit}
          </Button>
        </Actions>
      </form>
    </Panel>
  );
}

// Fields begin with what is stored, and begin again when that changes.
function Profile({ user, state }: PartProps) {
  async function save(value: (name: string) => string) {
    const names = { firstName: value("firstName"), lastName: value("lastName") };
    const effects = [changes<User>("users", user.id, names)];
    const input = { userId: user.id, ...names };
    const answer = await send({ document: UpdateProfile, title: "Your name", input, effects });
    if (answer.state === "stored") updateViewer(names);
    return answer;
  }
  return (
    <Form
      title="Name"
      state={stateOf(state, "updateUserProfile")}
      submit="Save the name"
      fields={["firstName", "lastName"]}
      onSubmit={save}
    >
      {(outcome) => (
        <>
          <NameFields
            key={`${user.firstName} ${user.lastName}`}
            outcome={outcome}
            firstName={user.firstName}
            lastName={user.lastName}
          />
          <p className={css.soft}>
            Here as {user.role.toLowerCase()} since <TimeText at={user.createdAt} />
          </p>
        </>
      )}
    </Form>
  );
}

function Contact({ user, state }: PartProps) {
  async function save(value: (name: string) => string) {
    // An empty text takes a detail away; null would leave it as it is.
    const contact = { phone: value("phone").trim(), address: value("address").trim() };
    const shown = { phone: contact.phone || null, address: contact.address || null };
    const effects = [changes<User>("users", user.id, shown)];
    const input = { userId: user.id, ...contact };
    return send({ document: UpdateContact, title: "Where to reach you", input, effects });
  }
  return (
    <Form
      title="Contact"
      state={stateOf(state, "updateUserContact")}
      submit="Save the contact"
      fields={["phone", "address"]}
      onSubmit={save}
    >
      {(outcome) => (
        <>
          <Field
            key={`phone ${user.phone}`}
            label="Telephone"
            name="phone"
            type="tel"
            autoComplete="tel"
            defaultValue={user.phone ?? ""}
            error={errorOf(outcome, "phone")}
          />
          <TextAreaField
            key={`address ${user.address}`}
            label="Address"
            name="address"
            autoComplete="street-address"
            hint="Where parcels go."
            defaultValue={user.address ?? ""}
            error={errorOf(outcome, "address")}
          />
        </>
      )}
    </Form>
  );
}

function Email({ user, state }: PartProps) {
  async function save(value: (name: string) => string) {
    const email = value("email");
    const effects = [changes<User>("users", user.id, { email })];
    const input = { userId: user.id, email };
    const answer = await send({ document: ChangeEmail, title: "Your email address", input, effects });
    if (answer.state === "stored") updateViewer({ email });
    return answer;
  }
  return (
    <Form
      title="Email"
      state={stateOf(state, "changeUserEmail")}
      submit="Change the email"
      fields={["email"]}
      onSubmit={save}
    >
      {(outcome) => (
        <>
          <Field
            key={user.email}
            label="Email"
            name="email"
            type="email"
            autoComplete="email"
            required
            hint="It is what you sign in with."
            defaultValue={user.email}
            error={errorOf(outcome, "email")}
          />
        </>
      )}
    </Form>
  );
}

function Password({ user, state }: PartProps) {
  async function save(value: (name: string) => string, form: HTMLFormElement) {
    const passwords = { currentPassword: value("currentPassword"), newPassword: value("newPassword") };
    const input = { userId: user.id, ...passwords };
    const answer = await send({ document: ChangePassword, title: "Your password", input });
    if (answer.state === "stored") form.reset();
    return answer;
  }
  const fields = ["currentPassword", "newPassword"];
  return (
    <Form
      title="Password"
      state={stateOf(state, "changeUserPassword")}
      submit="Change the password"
      fields={fields}
      onSubmit={save}
    >
      {(outcome) => (
        <>
          <input type="hidden" autoComplete="username" value={user.email} />
          <Field
            label="Current password"
            name="currentPassword"
            type="password"
            autoComplete="current-password"
            required
            error={errorOf(outcome, "currentPassword")}
          />
          <Field
            label="New password"
            name="newPassword"
            type="password"
            autoComplete="new-password"
            minLength={8}
            maxLength={128}
            required
            hint="At least 8 characters."
            error={errorOf(outcome, "newPassword")}
          />
        </>
      )}
    </Form>
  );
}
