import { type FormEvent, useState } from "react";
import { Link, useSearch } from "wouter";
import { Answer, graphql } from "../api/graphql";
import { type Outcome, send } from "../api/intents";
import { errorOf, otherError } from "../api/refusals";
import { useViewer } from "../api/session";
import { signIn } from "../api/signing";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { PageHead, Panel } from "../ui/page";
import css from "./account.module.css";
import { NameFields } from "./name-fields";
import { nextOf } from "./next";
import { Onward } from "./onward";

const RegisterUser = graphql(
  `mutation RegisterUser($input: RegisterUserInput!) { registerUser(input: $input) { ...Answer } }`,
  [Answer],
);

const FIELDS = ["firstName", "lastName", "email", "password"] as const;

export default function RegisterPage() {
  const viewer = useViewer();
  const search = useSearch();
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  if (viewer) return <Onward to={nextOf(search, location.origin)} />;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [firstName = "", lastName = "", email = "", password = ""] = FIELDS.map((name) => String(form.get(name)));
    setBusy(true);
    const input = { firstName, lastName, email, password };
    const answer = await send({ document: RegisterUser, title: `Account of ${firstName}`, input, isQuiet: true });
    setOutcome(answer);
    if (answer.state === "stored") setProblem((await signIn(email, password))?.message ?? null);
    setBusy(false);
  }

  const other = problem ?? otherError(outcome, FIELDS);
  return (
    <div className={css.narrow}>
      <PageHead title="Open an account" />
      <Panel>
        <form className={css.form} onSubmit={submit}>
          <NameFields outcome={outcome} />
          <Field
            label="Email"
            name="email"
            type="email"
            autoComplete="username"
            required
            error={errorOf(outcome, "email")}
          />
          <Field
            label="Password"
            name="password"
            type="password"
            autoComplete="new-password"
            hint="At least 8 characters."
            minLength={8}
            maxLength={128}
            required
            error={errorOf(outcome, "password")}
          />
          {other && (
            <p role="alert" className={css.error}>
              {other}
            </p>
          )}
          <Button type="submit" look="primary" disabled={isBusy}>
            {isBusy ? "Opening…" : "Open the account"}
          </Button>
        </form>
        <p className={css.soft}>
          You have one? <Link href={search ? `/sign-in?${search}` : "/sign-in"}>Sign in</Link>
        </p>
      </Panel>
    </div>
  );
}
