import { useCallback, useMemo, useState } from "react";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { CheckField, Field } from "../ui/field";
import { Freshness } from "../ui/freshness";
import { countOf, SortHead, sorted, Tools, useShown } from "../ui/list";
import { PageHead } from "../ui/page";
import { useParam, useTypedParam } from "../ui/params";
import { matcher } from "../ui/search";
import { Empty, Failure, Loading } from "../ui/states";
import table from "../ui/table.module.css";
import { useCatalogue } from "./catalogue";
import { linesOf, type StockLine, useInventory } from "./inventory";
import { RegisterMedicineDialog } from "./register-medicine";
import css from "./stock.module.css";
import { type Part, StockRow } from "./stock-row";

const KEYS = {
  name: ({ item, medicine }: StockLine) => `${item.medicineName} ${medicine?.strength ?? ""}`,
  price: ({ medicine }: StockLine) => Number(medicine?.price.amount ?? 0),
  available: ({ item }: StockLine) => item.availableQuantity,
  reserved: ({ item }: StockLine) => item.reservedQuantity,
  total: ({ item }: StockLine) => item.totalQuantity,
  pending: ({ item }: StockLine) => item.pendingOrders.length,
};

export default function StockPage() {
  const inventory = useInventory();
  const catalogue = useCatalogue();
  const [isRegistering, setRegistering] = useState(false);
  const lines = useMemo(() => linesOf(inventory, catalogue), [inventory, catalogue]);
  const isThere = inventory.status !== "loading" || inventory.rows.size > 0;
  const problem = inventory.problem ?? catalogue.problem;
  return (
    <>
      <PageHead
        title="Stock"
        aside={<Freshness view={inventory} what="The stock" />}
        actions={
          <Button look="primary" onClick={() => setRegistering(true)}>
            Register a medicine
          </Button>
        }
      />
      {problem && <Failure problem={problem} onRetry={inventory.problem ? inventory.reload : catalogue.reload} />}
      {!isThere && !problem && <Loading label="Loading the stock" rows={10} />}
      {isThere && lines.length === 0 && (
        <Empty title="There are no medicines yet">
          <Button onClick={() => setRegistering(true)}>Register the first</Button>
        </Empty>
      )}
      {lines.length > 0 && <Lines lines={lines} />}
      {isRegistering && <RegisterMedicineDialog onClose={() => setRegistering(false)} />}
    </>
  );
}

function Lines({ lines }: { lines: readonly StockLine[] }) {
  const [text, setText] = useTypedParam("q");
  const [low, setLow] = useParam("low");
  const [pending, setPending] = useParam("pending");
  const [one, setOne] = useParam("medicine");
  const [sort, setSort] = useParam("sort");
  const [open, setOpen] = useState<{ id: string; part: Part } | null>(null);
  const onOpen = useCallback((id: string, part: Part | null) => setOpen(part && { id, part }), []);

  const found = useMemo(() => {
    const matches = matcher(text);
    const chosen = lines.filter(
      ({ item, medicine }) =>
        (!one || item.medicineId === one) &&
        (!low || isLow({ item, medicine })) &&
        (!pending || item.pendingOrders.length > 0) &&
        matches(item.medicineName, medicine?.genericName ?? "", medicine?.manufacturer ?? "", medicine?.strength ?? ""),
    );
    return sorted(chosen, sort, KEYS, "name");
  }, [lines, text, low, pending, one, sort]);
  const { shown, more } = useShown(found);
  const showAll = () => {
    setText("");
    for (const set of [setLow, setPending, setOne]) set("");
  };

  const head = { sort: sort || "name", onSort: setSort };
  return (
    <>
      <Tools count={countOf(found.length, "medicine", "medicines")}>
        <Field
          label="Search the stock"
          isLabelHidden
          type="search"
          placeholder="Name, generic name or manufacturer"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <CheckField
          label={`Low stock (${lines.filter(isLow).length})`}
          checked={low !== ""}
          onChange={(event) => setLow(event.target.checked ? "1" : "")}
        />
        <CheckField
          label={`With pending orders (${lines.filter(({ item }) => item.pendingOrders.length > 0).length})`}
          checked={pending !== ""}
          onChange={(event) => setPending(event.target.checked ? "1" : "")}
        />
        {one && <Button onClick={showAll}>Show all medicines</Button>}
      </Tools>
      {found.length === 0 ? (
        <Empty title="No medicine matches">
          <Button onClick={showAll}>Show all medicines</Button>
        </Empty>
      ) : (
        <div className={classes(table.frame, table.cards)}>
          <table className={classes(table.table, css.table)} aria-label="Stock">
            <thead>
              <tr>
                <SortHead by="name" {...head}>
                  Medicine
                </SortHead>
                <SortHead by="price" isNumber {...head}>
                  Price
                </SortHead>
                <SortHead by="available" isNumber {...head}>
                  Available
                </SortHead>
                <SortHead by="reserved" isNumber {...head}>
                  Reserved
                </SortHead>
                <SortHead by="total" isNumber {...head}>
                  Total
                </SortHead>
                <SortHead by="pending" {...head}>
                  Pending
                </SortHead>
                <th scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ item, medicine, state }) => (
                <StockRow
                  key={item.id}
                  item={item}
                  medicine={medicine}
                  state={state}
                  open={open?.id === item.id ? open.part : null}
                  onOpen={onOpen}
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

// A discontinued medicine is meant to run out.
function isLow({ item, medicine }: Pick<StockLine, "item" | "medicine">): boolean {
  return item.lowStockAlert && !medicine?.isDiscontinued;
}
