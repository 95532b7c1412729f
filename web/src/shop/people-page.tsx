import { useMemo } from "react";
import { isAdmin, useViewer } from "../api/session";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { Field, SelectField } from "../ui/field";
import { Freshness } from "../ui/freshness";
import { countOf, SortHead, sorted, Tools, useShown } from "../ui/list";
import { PageHead } from "../ui/page";
import { useParam, useTypedParam } from "../ui/params";
import { RowMark, rowClass } from "../ui/row-state";
import { matcher } from "../ui/search";
import { Empty, Failure, Loading } from "../ui/states";
import table from "../ui/table.module.css";
import { formatNumber, LiveText, MoneyText, TimeText } from "../ui/text";
import { fullName, lower, type Person, usePeople } from "./people";
import css from "./people.module.css";
import { PersonPanel } from "./person-panel";

const KEYS = {
  name: ({ lastName, firstName, status }: Person) => `${status === "DELETED" ? "\uffff" : ""}${lastName} ${firstName}`,
  orders: ({ orderCount }: Person) => orderCount,
  spent: ({ totalSpent }: Person) => Number(totalSpent.amount),
  seen: ({ lastLoginAt }: Person) => Date.parse(lastLoginAt ?? "1970-01-01T00:00:00Z"),
};

export default function PeoplePage() {
  const viewer = useViewer();
  const people = usePeople();
  const isThere = people.status !== "loading" || people.rows.size > 0;
  return (
    <>
      <PageHead title="People" aside={<Freshness view={people} what="The list" />}>
        {!isAdmin(viewer) && "Roles, suspensions and deletions are for administrators."}
      </PageHead>
      {people.problem && <Failure problem={people.problem} onRetry={people.reload} />}
      {!isThere && !people.problem && <Loading label="Loading the people" rows={8} />}
      {isThere && <PeopleList people={people} />}
    </>
  );
}

function PeopleList({ people }: { people: ReturnType<typeof usePeople> }) {
  const [text, setText] = useTypedParam("q");
  const [role, setRole] = useParam("role");
  const [status, setStatus] = useParam("status");
  const [who, setWho] = useParam("who");
  const [sort, setSort] = useParam("sort");
  const found = useMemo(() => {
    const matches = matcher(text);
    const chosen = [...people.rows.values()].filter(
      (person) =>
        person.id === who ||
        ((!role || person.role === role) &&
          (!status || person.status === status) &&
          matches(person.firstName, person.lastName, person.email)),
    );
    return sorted(chosen, sort, KEYS, "name");
  }, [people.rows, text, role, status, who, sort]);
  const { shown, more } = useShown(found);
  const showAll = () => {
    setText("");
    setRole("");
    setStatus("");
  };
  const head = { sort: sort || "name", onSort: setSort };
  return (
    <>
      <Tools count={countOf(found.length, "person", "people")}>
        <Field
          label="Search people"
          isLabelHidden
          type="search"
          placeholder="Name or email"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <SelectField label="Role" isLabelHidden value={role} onChange={(event) => setRole(event.target.value)}>
          <option value="">Every role</option>
          <option value="CUSTOMER">Customers</option>
          <option value="STAFF">Staff</option>
          <option value="ADMIN">Administrators</option>
        </SelectField>
        <SelectField label="Status" isLabelHidden value={status} onChange={(event) => setStatus(event.target.value)}>
          <option value="">Every status</option>
          <option value="ACTIVE">Active</option>
          <option value="SUSPENDED">Suspended</option>
          <option value="DELETED">Deleted</option>
        </SelectField>
      </Tools>
      {found.length === 0 ? (
        <Empty title="Nobody matches">
          <Button onClick={showAll}>Show everybody</Button>
        </Empty>
      ) : (
        <div className={classes(table.frame, table.cards)}>
          <table className={classes(table.table, css.table)} aria-label="People">
            <thead>
              <tr>
                <SortHead by="name" {...head}>
                  Name
                </SortHead>
                <th scope="col">Role</th>
                <th scope="col">Status</th>
                <SortHead by="orders" isNumber {...head}>
                  Orders
                </SortHead>
                <SortHead by="spent" isNumber {...head}>
                  Spent
                </SortHead>
                <SortHead by="seen" {...head}>
                  Last signed in
                </SortHead>
              </tr>
            </thead>
            <tbody>
              {shown.map((person) => (
                <PersonRow
                  key={person.id}
                  person={person}
                  state={people.states.get(person.id)}
                  isOpen={person.id === who}
                  onToggle={() => setWho(person.id === who ? "" : person.id)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more}
    </>
  );
}

interface RowProps {
  person: Person;
  state: Parameters<typeof rowClass>[0];
  isOpen: boolean;
  onToggle(): void;
}

function PersonRow({ person, state, isOpen, onToggle }: RowProps) {
  const name = fullName(person);
  return (
    <>
      <tr className={rowClass(state, classes(isOpen && css.isOpen))}>
        <td className={table.whole}>
          <button type="button" className={css.who} aria-expanded={isOpen} onClick={onToggle}>
            <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true" className={css.chevron}>
              <path d="M6 3l5 5-5 5" stroke="currentColor" strokeWidth="1.75" fill="none" strokeLinecap="round" />
            </svg>
            <span className={css.name}>{name}</span>
          </button>
          <p className={css.email}>{person.email || <span title={person.id}>What was known is erased.</span>}</p>
          <RowMark state={state} />
        </td>
        <td data-label="Role">
          <LiveText value={person.role}>
            <Badge tone={person.role === "CUSTOMER" ? "neutral" : person.role === "ADMIN" ? "accent" : "info"}>
              {lower(person.role)}
            </Badge>
          </LiveText>
        </td>
        <td data-label="Status">
          <LiveText value={person.status}>
            <StatusBadge status={person.status} />
          </LiveText>
        </td>
        <td className={table.number} data-label="Orders">
          <LiveText value={person.orderCount}>{formatNumber(person.orderCount)}</LiveText>
        </td>
        <td className={table.number} data-label="Spent">
          <LiveText value={person.totalSpent.amount}>
            <MoneyText money={person.totalSpent} />
          </LiveText>
        </td>
        <td data-label="Last signed in" className={css.seen}>
          {person.lastLoginAt ? <TimeText at={person.lastLoginAt} /> : "never"}
        </td>
      </tr>
      {isOpen && (
        <tr className={classes(table.attached, css.attached)}>
          <td colSpan={6} className={table.wide}>
            <PersonPanel person={person} />
          </td>
        </tr>
      )}
    </>
  );
}

function StatusBadge({ status }: { status: Person["status"] }) {
  if (status === "ACTIVE") return <Badge tone="good">active</Badge>;
  return <Badge tone={status === "SUSPENDED" ? "bad" : "neutral"}>{lower(status)}</Badge>;
}
