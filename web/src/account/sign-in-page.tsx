import { type FormEvent, useState } from "react";
import { Link, useSearch } from "wouter";
import type { Problem } from "../api/client";
import { type DemoAccount, useDesk } from "../api/desk";
import { nameOf, useSession } from "../api/session";
import { signIn } from "../api/signing";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { PageHead, Panel } from "../ui/page";
import css from "./account.module.css";
import { nextOf } from "./next";
import { Onward } from "./onward";

export default function SignInPage() {
  const { session, message } = useSession();
  const { demo } = useDesk();
  const search = useSearch();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const isAnother = new URLSearchParams(search).has("another");
  if (session && (isDone || !isAnother)) return <Onward to={nextOf(search, location.origin)} />;

  async function enter(email: string, password: string) {
    setBusy(true);
    const refusal = await signIn(email, password);
    setProblem(refusal);
    setBusy(false);
    setDone(refusal === null);
  }

  return (
    <div className={css.narrow}>
      <PageHead title="Sign in" />
      {session && (
        <p className={css.notice}>
          You are {nameOf(session.viewer)} in this tab. Your other tabs stay as they are. <Link href="/">Stay</Link>
        </p>
      )}
      {message && (
        <p role="status" className={css.notice}>
          {message}
        </p>
      )}
      <div className={css.columns}>
        {demo && (
          <Panel title="Try the demo as">
            <ul className={css.accounts}>
              {[...demo.accounts].sort(byRole).map((account) => (
                <li key={account.email}>
                  <AccountButton
                    account={account}
                    isBusy={isBusy}
                    onChoose={() => enter(account.email, demo.password)}
                  />
                </li>
              ))}
            </ul>
            <p className={css.soft}>
              Each tab can be somebody else: open a second one, and choose it in its menu, to see both sides of an
              order.
            </p>
          </Panel>
        )}
        <Panel title={demo ? "Or with an account" : "With your account"}>
          <SignInForm isBusy={isBusy} problem={problem} onEnter={enter} />
          <p className={css.soft}>
            No account yet? <Link href={search ? `/register?${search}` : "/register"}>Open one</Link>
          </p>
        </Panel>
      </div>
    </div>
  );
}

const DEEDS: Readonly<Record<string, string>> = {
  CUSTOMER: "orders and pays",
  STAFF: "runs the shop",
  ADMIN: "decides who may what",
};

/** Who can do least comes first: they have least to understand. */
function byRole(one: DemoAccount, other: DemoAccount): number {
  const roles = Object.keys(DEEDS);
  return roles.indexOf(one.role) - roles.indexOf(other.role);
}

interface ChoiceProps {
  account: DemoAccount;
  isBusy: boolean;
  onChoose(): void;
}

function AccountButton({ account: { name, email, role }, isBusy, onChoose }: ChoiceProps) {
  return (
    <Button className={css.account} disabled={isBusy} onClick={onChoose}>
      <span>{name}</span>
      <span className={css.email}>
        {email} · {DEEDS[role]}
      </span>
      <span className={css.role}>
        <Badge tone={role.toUpperCase() === "CUSTOMER" ? "info" : "accent"}>{role.toLowerCase()}</Badge>
      </span>
    </Button>
  );
}

interface FormProps {
  isBusy: boolean;
  problem: Problem | null;
  onEnter(email: string, password: string): void;
}

function SignInForm({ isBusy, problem, onEnter }: FormProps) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    onEnter(String(form.get("email")), String(form.get("password")));
  }
  return (
    <form className={css.form} onSubmit={submit}>
      <Field label="Email" name="email" type="email" autoComplete="username" required />
      <Field label="Password" name="password" type="password" autoComplete="current-password" required />
      {problem && (
        <p role="alert" className={css.error}>
          {problem.message}
        </p>
      )}
      <Button type="submit" look="primary" disabled={isBusy}>
        {isBusy ? "Signing in…" : "Sign in"}
      </Button>
    </form>
  );
}
