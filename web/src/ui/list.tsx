import { type ReactNode, useState } from "react";
import { Button } from "./button";
import { classes } from "./classes";
import css from "./list.module.css";
import table from "./table.module.css";
import { formatNumber } from "./text";

/** What narrows a list, and how much is left of it. */
export function Tools({ count, children }: { count: string | null; children: ReactNode }) {
  return (
    <search className={css.tools}>
      {children}
      <p role="status" className={css.count}>
        {count}
      </p>
    </search>
  );
}

export function countOf(count: number, one: string, many: string): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

const SHOWN_AT_ONCE = 100;

/** The first of a long list, and a button for more of it. */
export function useShown<T>(all: readonly T[]): { shown: readonly T[]; more: ReactNode } {
  const [count, setCount] = useState(SHOWN_AT_ONCE);
  const more = count < all.length && (
    <div className={css.more}>
      <Button onClick={() => setCount(count + SHOWN_AT_ONCE)}>
        Show {Math.min(SHOWN_AT_ONCE, all.length - count)} more of {formatNumber(all.length)}
      </Button>
    </div>
  );
  return { shown: all.slice(0, count), more };
}

interface SortProps<K extends string> {
  by: K;
  /** As the address has it: a key, or a key after a minus for the other direction. */
  sort: string;
  onSort(sort: string): void;
  /** Over numbers, which stand at the right. */
  isNumber?: boolean;
  children: ReactNode;
}

/** The head of a column that one can sort by. */
export function SortHead<K extends string>({ by, sort, onSort, isNumber = false, children }: SortProps<K>) {
  const isUp = sort === by;
  const isDown = sort === `-${by}`;
  return (
    <th
      scope="col"
      className={isNumber ? classes(table.number, css.numbers) : undefined}
      aria-sort={isUp ? "ascending" : isDown ? "descending" : undefined}
    >
      <button type="button" className={css.sort} onClick={() => onSort(isUp ? `-${by}` : by)}>
        {children}
        <span aria-hidden="true" className={css.arrow}>
          {isUp ? "▲" : isDown ? "▼" : ""}
        </span>
      </button>
    </th>
  );
}

/** Sorted by one of some keys, in the direction that `sort` names; by the first key where that says nothing. */
export function sorted<T, K extends string>(
  rows: readonly T[],
  sort: string,
  keys: Readonly<Record<K, (row: T) => string | number>>,
  otherwise: K,
): T[] {
  const name = sort.replace(/^-/, "");
  const key = keys[name in keys ? (name as K) : otherwise];
  const sign = sort.startsWith("-") ? -1 : 1;
  const compare = (one: string | number, other: string | number) =>
    typeof one === "string" ? one.localeCompare(String(other)) : one - Number(other);
  const last = keys[otherwise];
  return [...rows].sort((one, other) => sign * compare(key(one), key(other)) || compare(last(one), last(other)));
}
