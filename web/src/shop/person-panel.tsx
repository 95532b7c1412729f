import { type FormEvent, type ReactNode, useState } from "react";
import { Link } from "wouter";
import { changes } from "../api/intent";
import { type Outcome, send } from "../api/intents";
import { isAdmin, type Role, useViewer } from "../api/session";
import { Button } from "../ui/button";
import { CommandForm } from "../ui/command-form";
import { Dialog } from "../ui/dialog";
import { Field, SelectField } from "../ui/field";
import { Failure, Loading } from "../ui/states";
import { formatNumber, LiveText, MoneyText, TimeText } from "../ui/text";
import {
  DeleteUser,
  fullName,
  GrantRole,
  lower,
  type Person,
  type PersonFigures,
  ReinstateUser,
  SuspendUser,
  useFigures,
} from "./people";
import css from "./people.module.css";

/** One person: how to reach them, what they ordered, and what an administrator can do. */
export function PersonPanel({ person }: { person: Person }) {
  const viewer = useViewer();
  const figures = useFigures(person.id);
  const isGone = person.status === "DELETED";
  return (
    <div className={css.panel}>
      <section aria-label={`About ${fullName(person)}`} className={css.part}>
        <h2>Account</h2>
        <dl className={css.facts}>
          {!isGone && (
            <>
              <Fact name="Telephone">{person.phone ?? "not said"}</Fact>
              <Fact name="Address">{person.address ?? "not said"}</Fact>
            </>
          )}
          <Fact name="Since">
            <TimeText at={person.createdAt} />
          </Fact>
          <Fact name="Id">
            <code>{person.id}</code>
          </Fact>
        </dl>
      </section>
      <section aria-label={`Orders of ${fullName(person)}`} className={css.part}>
        <h2>Orders</h2>
        {figures.problem && <Failure problem={figures.problem} />}
        {figures.status === "loading" && <Loading label="Loading the figures" rows={2} />}
        {figures.value && <Figures figures={figures.value} />}
      </section>
      {isAdmin(viewer) && !isGone && (
        <section aria-label={`Administration of ${fullName(person)}`} className={css.part}>
          <h2>Administration</h2>
          {viewer?.id === person.id ? (
            <p className={css.soft}>
              This is you. See <Link href="/account">your account</Link>.
            </p>
          ) : (
            <Administration person={person} />
          )}
        </section>
      )}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Figures({ figures: { orderSummary, orders } }: { figures: PersonFigures }) {
  const { totalOrders, totalSpent, averageOrderValue, favouriteMedicines, ordersByStatus } = orderSummary;
  if (totalOrders === 0) return <p className={css.soft}>No orders yet.</p>;
  return (
    <>
      <dl className={css.facts}>
        <Fact name="Orders">
          <LiveText value={totalOrders}>{formatNumber(totalOrders)}</LiveText>{" "}
          <span className={css.soft}>
            ({ordersByStatus.map(({ status, count }) => `${count} ${lower(status)}`).join(", ")})
          </span>
        </Fact>
        <Fact name="Spent">
          <LiveText value={totalSpent.amount}>
            <MoneyText money={totalSpent} />
          </LiveText>
        </Fact>
        <Fact name="On average">
          <MoneyText money={averageOrderValue} />
        </Fact>
        {favouriteMedicines.length > 0 && (
          <Fact name="Most bought">
            {favouriteMedicines
              .slice(0, 3)
              .map(({ name, quantity }) => `${name} (${quantity})`)
              .join(", ")}
          </Fact>
        )}
      </dl>
      <ul className={css.orders} aria-label="Last orders">
        {orders.nodes.map((order) => (
          <li key={order.id}>
            <Link href={`/orders/${order.id}`}>{order.number}</Link> <MoneyText money={order.total} />{" "}
            <span className={css.soft}>
              {lower(order.status)}, <TimeText at={order.placedAt} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

const ROLES: readonly Role[] = ["CUSTOMER", "STAFF", "ADMIN"];

function Administration({ person }: { person: Person }) {
  const [asked, setAsked] = useState<"suspend" | "delete" | null>(null);
  const name = fullName(person);
  const isSuspended = person.status === "SUSPENDED";
  const close = () => setAsked(null);
  const reinstate = () =>
    send({
      document: ReinstateUser,
      title: `Reinstatement of ${name}`,
      input: { userId: person.id },
      effects: [changes<Person>("users", person.id, { status: "ACTIVE" })],
    });
  return (
    <>
      <RoleForm key={person.role} person={person} />
      <div className={css.acts}>
        {isSuspended ? (
          <Button onClick={() => void reinstate()}>Reinstate</Button>
        ) : (
          <Button onClick={() => setAsked("suspend")}>Suspend…</Button>
        )}
        <Button look="quiet" onClick={() => setAsked("delete")}>
          Delete…
        </Button>
      </div>
      {asked === "suspend" && <SuspendDialog person={person} onClose={close} />}
      {asked === "delete" && <DeleteDialog person={person} onClose={close} />}
    </>
  );
}

function RoleForm({ person }: { person: Person }) {
  const [role, setRole] = useState<Role>(person.role);
  function grant(event: FormEvent) {
    event.preventDefault();
    void send({
      document: GrantRole,
      title: `Role of ${fullName(person)} to ${lower(role)}`,
      input: { userId: person.id, role },
      effects: [changes<Person>("users", person.id, { role })],
    });
  }
  return (
    <form className={css.role} onSubmit={grant} aria-label={`Role of ${fullName(person)}`}>
      <SelectField
        label="Role"
        value={role}
        onChange={({ target }) => setRole(ROLES.find((each) => each === target.value) ?? person.role)}
      >
        {ROLES.map((each) => (
          <option key={each} value={each}>
            {lower(each)}
          </option>
        ))}
      </SelectField>
      <Button type="submit" disabled={role === person.role}>
        Grant
      </Button>
    </form>
  );
}

interface DialogProps {
  person: Person;
  onClose(): void;
}

function SuspendDialog({ person, onClose }: DialogProps) {
  const name = fullName(person);
  return (
    <Dialog title={`Suspend ${name}?`} onClose={onClose}>
      <p>Until they are reinstated they cannot sign in or order, and whoever is signed in as them is signed out.</p>
      <CommandForm
        label={`Suspend ${name}`}
        submit="Suspend"
        look="danger"
        fields={["reason"]}
        onSend={({ reason }): Promise<Outcome> =>
          send({
            document: SuspendUser,
            title: `Suspension of ${name}`,
            input: { userId: person.id, reason },
            effects: [changes<Person>("users", person.id, { status: "SUSPENDED" })],
          })
        }
        onDone={onClose}
        onCancel={onClose}
      >
        {(error) => <Field label="Reason" name="reason" error={error("reason")} />}
      </CommandForm>
    </Dialog>
  );
}

function DeleteDialog({ person, onClose }: DialogProps) {
  const [typed, setTyped] = useState("");
  const name = fullName(person);
  const orders = person.orderCount;
  return (
    <Dialog title={`Delete ${name}?`} onClose={onClose}>
      <p>
        Name, email, telephone, address and password are erased for good.{" "}
        {orders > 0 && `${orders === 1 ? "One order stays" : `${formatNumber(orders)} orders stay`}, without a name.`}
      </p>
      <CommandForm
        label={`Delete ${name}`}
        submit="Delete for good"
        look="danger"
        cancel="Keep"
        isDisabled={typed.trim() !== name}
        fields={[]}
        onSend={() =>
          send({
            document: DeleteUser,
            title: `Deletion of ${name}`,
            input: { userId: person.id },
            effects: [changes<Person>("users", person.id, ERASED)],
          })
        }
        onDone={onClose}
        onCancel={onClose}
      >
        {() => (
          <Field
            label={`Type ${name} to confirm`}
            autoComplete="off"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </CommandForm>
    </Dialog>
  );
}

const ERASED = { status: "DELETED", email: "", firstName: "", lastName: "", phone: null, address: null } as const;
