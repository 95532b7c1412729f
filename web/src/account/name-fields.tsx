import type { Outcome } from "../api/intents";
import { errorOf } from "../api/refusals";
import { Field } from "../ui/field";
import css from "./account.module.css";

interface Props {
  outcome: Outcome | null;
  /** What they begin with. */
  firstName?: string;
  lastName?: string;
}

/** What somebody is called, with what is wrong with it. */
export function NameFields({ outcome, firstName, lastName }: Props) {
  return (
    <div className={css.pair}>
      <Field
        label="First name"
        name="firstName"
        autoComplete="given-name"
        required
        defaultValue={firstName}
        error={errorOf(outcome, "firstName")}
      />
      <Field
        label="Last name"
        name="lastName"
        autoComplete="family-name"
        required
        defaultValue={lastName}
        error={errorOf(outcome, "lastName")}
      />
    </div>
  );
}
