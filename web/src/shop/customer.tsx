import { type ReactNode, useId } from "react";
import { isStaff, useViewer, type Viewer } from "../api/session";
import { Field } from "../ui/field";
import { setBuyer, useBuyer } from "./ordering";
import { fullName, type Person, usePeople } from "./people";

const OFFERED = 20;

interface Customer {
  /** Nobody as long as what is typed is nobody's email address. */
  customer: Viewer | Person | null;
  /** Where the staff say it. */
  field: ReactNode;
}

/** For whom one orders: customers for themselves, the staff for whomever they name. */
export function useCustomer(): Customer {
  const viewer = useViewer();
  const typed = useBuyer();
  const list = useId();
  const people = usePeople(isStaff(viewer));
  if (!isStaff(viewer)) return { customer: viewer, field: null };
  const text = typed.trim().toLowerCase();
  const customers = [...people.rows.values()].filter(({ status }) => status === "ACTIVE");
  const found = customers.find(({ email }) => email.toLowerCase() === text);
  const offered = customers.filter((each) => `${fullName(each)} ${each.email}`.toLowerCase().includes(text));
  const isUnknown = people.status !== "loading" && offered.length === 0;
  const [likely] = offered;
  const field = (
    <>
      <Field
        label="For a customer"
        type="email"
        list={list}
        autoComplete="off"
        placeholder="Email address; empty for yourself"
        value={typed}
        onChange={(event) => setBuyer(event.target.value)}
        hint={text && !found && likely && `By the whole email address, such as ${likely.email}.`}
        error={text && isUnknown ? "No customer has this email address." : null}
      />
      <datalist id={list}>
        {offered.slice(0, OFFERED).map((each) => (
          <option key={each.id} value={each.email}>
            {fullName(each)}
          </option>
        ))}
      </datalist>
    </>
  );
  return { customer: text ? (found ?? null) : viewer, field };
}
