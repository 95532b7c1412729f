import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { useQuery } from "urql";
import { problemOf } from "../api/client";
import { isStaff, useViewer } from "../api/session";
import { Button } from "../ui/button";
import { CheckField, Field } from "../ui/field";
import { Freshness } from "../ui/freshness";
import { countOf, Tools, useShown } from "../ui/list";
import { PageHead } from "../ui/page";
import { useParam, useTypedParam } from "../ui/params";
import { Empty, Failure, Loading } from "../ui/states";
import { formatNumber } from "../ui/text";
import Basket from "./basket";
import { byName, type Medicine, SearchMedicines, useCatalogue } from "./catalogue";
import css from "./catalogue-page.module.css";
import { CatalogueRow } from "./catalogue-row";

export default function CataloguePage() {
  const viewer = useViewer();
  const catalogue = useCatalogue();
  const [text, setText] = useTypedParam("q");
  const [available, setAvailable] = useParam("available");
  const onlyAvailable = available !== "";
  const setOnlyAvailable = (only: boolean) => setAvailable(only ? "1" : "");
  const search = useSearch(text);
  const medicines = useMemo(
    () =>
      [...catalogue.rows.values()]
        .filter((medicine) => (onlyAvailable ? medicine.isAvailable : isStaff(viewer) || !medicine.isDiscontinued))
        .filter((medicine) => !search.found || search.found.has(medicine.id))
        .sort(byName),
    [catalogue.rows, onlyAvailable, search.found, viewer],
  );
  const isThere = catalogue.status !== "loading" || catalogue.rows.size > 0;
  return (
    <>
      <PageHead title="Catalogue" aside={<Freshness view={catalogue} what="The catalogue" />} />
      <div className={css.columns}>
        <div className={css.list}>
          <Tools count={isThere && !search.isBusy ? counted(medicines.length, search.hasMore) : null}>
            <Field
              label="Search medicines"
              isLabelHidden
              type="search"
              placeholder="Name, generic name or manufacturer"
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
            <CheckField
              label="Can be ordered now"
              checked={onlyAvailable}
              onChange={(event) => setOnlyAvailable(event.target.checked)}
            />
          </Tools>
          {catalogue.problem && <Failure problem={catalogue.problem} onRetry={catalogue.reload} />}
          {search.problem && <Failure problem={search.problem} onRetry={search.again} />}
          {!isThere && !catalogue.problem && <Loading label="Loading the catalogue" rows={10} />}
          {isThere && medicines.length === 0 && !search.isBusy && (
            <Empty title={catalogue.rows.size === 0 ? "The catalogue is empty" : "No medicine matches"}>
              {catalogue.rows.size > 0 && (
                <Button
                  onClick={() => {
                    setText("");
                    setOnlyAvailable(false);
                  }}
                >
                  Show all medicines
                </Button>
              )}
            </Empty>
          )}
          <MedicineList key={`${text} ${onlyAvailable}`} medicines={medicines} states={catalogue.states} />
        </div>
        <div className={css.basket}>
          <Basket />
        </div>
      </div>
    </>
  );
}

function counted(count: number, hasMore: boolean): string {
  return hasMore ? `The first ${formatNumber(count)} that match` : countOf(count, "medicine", "medicines");
}

interface ListProps {
  medicines: readonly Medicine[];
  states: ReturnType<typeof useCatalogue>["states"];
}

function MedicineList({ medicines, states }: ListProps) {
  const viewer = useViewer();
  const { shown, more } = useShown(medicines);
  if (medicines.length === 0) return null;
  return (
    <>
      <ul className={css.rows} aria-label="Medicines">
        {shown.map((medicine) => (
          <CatalogueRow
            key={medicine.id}
            medicine={medicine}
            state={states.get(medicine.id) ?? null}
            mayPrice={isStaff(viewer)}
          />
        ))}
      </ul>
      {more}
    </>
  );
}

const TYPED_MS = 200;

function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** The ids of what matches, found by the server; the rows themselves are the live ones. */
function useSearch(typed: string) {
  const text = useSettled(typed.trim());
  const [{ data, error, fetching }, again] = useQuery({
    query: SearchMedicines,
    variables: { text },
    pause: text === "",
    requestPolicy: "network-only",
  });
  const page = text === "" ? undefined : data?.searchMedicines;
  const nodes = useDeferredValue(page?.nodes);
  const found = useMemo(() => nodes && new Set(nodes.map(({ id }) => id)), [nodes]);
  return {
    found: text === "" ? undefined : found,
    hasMore: page?.pageInfo.hasNextPage ?? false,
    isBusy: text !== "" && fetching,
    problem: error && text !== "" ? problemOf(error) : null,
    again: () => again(),
  };
}
