import { type FormEvent, useId, useRef } from "react";
import { useSearchParams } from "wouter";
import { Button, IconButton } from "../ui/button";
import { Field } from "../ui/field";
import css from "./events.module.css";
import type { Filter } from "./use-tail";

const texts = ["stream", "commandId", "correlationId"] as const;

/** Which events are looked at, kept in the address. */
export function useEventFilter() {
  const [params, setParams] = useSearchParams();
  const filter: Filter = {
    stream: params.get("stream") ?? "",
    types: params.getAll("type"),
    commandId: params.get("commandId") ?? "",
    correlationId: params.get("correlationId") ?? "",
  };
  const change = (changes: Partial<Filter>) => {
    const next = { ...filter, ...changes };
    setParams(filterParams(next));
  };
  const isEmpty = filter.types.length === 0 && texts.every((name) => filter[name] === "");
  return { filter, change, isEmpty, clear: () => setParams(new URLSearchParams()) };
}

function filterParams(filter: Partial<Filter>): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of texts) if (filter[name]) params.set(name, filter[name]);
  for (const type of filter.types ?? []) params.append("type", type);
  return params;
}

/** The log, with a filter. */
export function eventsHref(filter: Partial<Filter>): string {
  return `/console/events?${filterParams(filter)}`;
}

interface Props extends ReturnType<typeof useEventFilter> {
  /** Types that were seen, to choose from. */
  types: readonly string[];
}

/** What is typed counts when one leaves the field or presses Enter: half an id meets nothing. */
export function FilterForm({ filter, change, isEmpty, clear, types }: Props) {
  const list = useId();
  const form = useRef<HTMLFormElement>(null);

  function commit(event?: FormEvent) {
    event?.preventDefault();
    if (!form.current) return;
    const said = new FormData(form.current);
    const text = (name: string) => String(said.get(name) ?? "").trim();
    const type = text("type");
    const next: Filter = {
      stream: text("stream"),
      commandId: text("commandId"),
      correlationId: text("correlationId"),
      types: type && !filter.types.includes(type) ? [...filter.types, type] : filter.types,
    };
    if (String(filterParams(next)) !== String(filterParams(filter))) change(next);
  }

  const field = (name: (typeof texts)[number], label: string, placeholder: string) => (
    <Field
      key={`${name} ${filter[name]}`}
      label={label}
      name={name}
      placeholder={placeholder}
      defaultValue={filter[name]}
      onBlur={() => commit()}
      autoComplete="off"
      spellCheck={false}
    />
  );
  return (
    <search>
      <form ref={form} className={css.filter} onSubmit={commit} aria-label="Filter">
        {field("stream", "Stream", "order-…")}
        <Field
          key={`type ${filter.types.join()}`}
          label="Type"
          name="type"
          placeholder={filter.types.length > 0 ? "Another" : "OrderInitiated"}
          list={list}
          onBlur={() => commit()}
          autoComplete="off"
          spellCheck={false}
        />
        {field("commandId", "Command id", "Any")}
        {field("correlationId", "Correlation id", "Any")}
        <datalist id={list}>
          {types.map((type) => (
            <option key={type} value={type} />
          ))}
        </datalist>
        {/* Enter sends a form with several fields only where it has such a button. */}
        <button type="submit" className="visually-hidden" tabIndex={-1}>
          Apply the filter
        </button>
      </form>
      {!isEmpty && (
        <div className={css.chosen}>
          {filter.types.map((type) => (
            <span key={type} className={css.chip}>
              {type}
              <IconButton
                label={`Without the type ${type}`}
                size="small"
                onClick={() => change({ types: filter.types.filter((each) => each !== type) })}
              >
                <svg viewBox="0 0 16 16" width="10" height="10" aria-hidden="true">
                  <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
                </svg>
              </IconButton>
            </span>
          ))}
          <Button size="small" look="quiet" onClick={clear}>
            Clear the filter
          </Button>
        </div>
      )}
    </search>
  );
}
