import { type ReactNode, useMemo, useState } from "react";
import { Link } from "wouter";
import { graphql, type ResultOf } from "../api/graphql";
import { type LiveValue, useLive } from "../api/views";
import { useCatalogue } from "../shop/catalogue";
import { Button } from "../ui/button";
import { DayChart, type Series } from "../ui/chart";
import { SelectField } from "../ui/field";
import { Freshness } from "../ui/freshness";
import { PageHead, Panel } from "../ui/page";
import { useParam } from "../ui/params";
import { Empty, Failure, Loading } from "../ui/states";
import table from "../ui/table.module.css";
import { formatMoney, formatNumber, LiveText } from "../ui/text";
import { type Day, everyDay } from "./days";
import css from "./statistics.module.css";

const OrderFigures = graphql(`
  subscription OrderFigures($currency: String!) {
    orderStatistics(currency: $currency) {
      position totalOrders
      revenue { amount currency }
      averageOrderValue { amount currency }
      ordersByStatus { status count }
      byDay { day orders revenue { amount } }
      topMedicines { medicineId name quantity }
    }
  }
`);

const RecordFigures = graphql(`
  subscription RecordFigures { recordStatistics { position totalRecords totalReads totalWrites } }
`);

type Figures = ResultOf<typeof OrderFigures>["orderStatistics"];

const USUAL_CURRENCY = "USD";

export default function StatisticsPage() {
  const [chosen, choose] = useParam("currency");
  const currency = /^[A-Z]{3}$/.test(chosen) ? chosen : USUAL_CURRENCY;
  const orders = useLive(OrderFigures, { currency }, (data) => data.orderStatistics);
  const records = useLive(RecordFigures, {}, (data) => data.recordStatistics);
  const currencies = useCurrencies(currency);
  return (
    <>
      <PageHead
        title="Statistics"
        aside={<Freshness view={viewOf("order_statistics", orders)} what="The figures" />}
        actions={
          currencies.length > 1 && (
            <SelectField
              label="Currency"
              isLabelHidden
              value={currency}
              onChange={(event) => choose(event.target.value === USUAL_CURRENCY ? "" : event.target.value)}
            >
              {currencies.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </SelectField>
          )
        }
      />
      {orders.problem && <Failure problem={orders.problem} />}
      {orders.status === "loading" && <Loading label="Loading the statistics" />}
      {orders.value && <OrderPanels figures={orders.value} />}
      <div className={css.last}>
        {records.problem && <Failure problem={records.problem} />}
        {records.value && (
          <Panel title="Records">
            <dl className={css.key}>
              <Figure name="Kept now" value={records.value.totalRecords} />
              <Figure name="Reads" value={records.value.totalReads} />
              <Figure name="Writes" value={records.value.totalWrites} />
            </dl>
          </Panel>
        )}
      </div>
    </>
  );
}

// A singular subscription counts no own writes: the projection's lag says how far it is behind.
function viewOf(name: string, { status, problem }: LiveValue<unknown>) {
  return { name, status: status === "ended" ? "behind" : status, behind: 0, problem } as const;
}

function useCurrencies(chosen: string): readonly string[] {
  const { rows } = useCatalogue();
  return useMemo(
    () => [...new Set([USUAL_CURRENCY, chosen, ...[...rows.values()].map(({ price }) => price.currency)])].sort(),
    [rows, chosen],
  );
}

function Figure({ name, value, text }: { name: string; value: string | number; text?: string }) {
  return (
    <div className={css.figure}>
      <dt>{name}</dt>
      <dd>
        <LiveText value={value}>{text ?? formatNumber(Number(value))}</LiveText>
      </dd>
    </div>
  );
}

function OrderPanels({ figures }: { figures: Figures }) {
  const { totalOrders, revenue, averageOrderValue, ordersByStatus, topMedicines } = figures;
  return (
    <div className={css.panels}>
      <Panel title="Orders">
        <dl className={css.key}>
          <Figure name="Placed" value={totalOrders} />
          <Figure name="Revenue" value={revenue.amount} text={formatMoney(revenue)} />
          <Figure name="Average order" value={averageOrderValue.amount} text={formatMoney(averageOrderValue)} />
        </dl>
      </Panel>
      <ByDay figures={figures} />
      <div className={css.pair}>
        <Panel title="Orders by status">
          <Ranking
            caption="Orders by status"
            heads={["Status", "Orders"]}
            rows={ordersByStatus.map(({ status, count }) => ({
              key: status,
              name: <Link href={`/orders?status=${status}`}>{status.toLowerCase()}</Link>,
              count,
            }))}
            none="No orders yet"
          />
        </Panel>
        <Panel title="Most sold medicines">
          <Ranking
            caption="Most sold medicines"
            heads={["Medicine", "Sold"]}
            rows={topMedicines.map(({ medicineId, name, quantity }) => ({
              key: medicineId,
              name: <Link href={`/stock?medicine=${encodeURIComponent(medicineId)}`}>{name}</Link>,
              count: quantity,
            }))}
            none="Nothing sold yet"
          />
        </Panel>
      </div>
    </div>
  );
}

interface RankingProps {
  caption: string;
  heads: readonly [string, string];
  rows: readonly { key: string; name: ReactNode; count: number }[];
  none: string;
}

/** A table whose numbers are also drawn as bars. */
function Ranking({ caption, heads, rows, none }: RankingProps) {
  if (rows.length === 0) return <Empty title={none} />;
  const most = Math.max(...rows.map(({ count }) => count), 1);
  return (
    <table className={css.ranking}>
      <caption className="visually-hidden">{caption}</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">{heads[0]}</th>
          <th scope="col">{heads[1]}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, name, count }) => (
          <tr key={key}>
            <td>{name}</td>
            <td className={css.count}>
              <span className={css.bar} style={{ inlineSize: `${(count / most) * 100}%` }} aria-hidden="true" />
              <LiveText value={count}>{formatNumber(count)}</LiveText>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const SPANS = { "": 14, "90": 90, all: null } as const;
const isSpan = (text: string): text is keyof typeof SPANS => text in SPANS;

function ByDay({ figures }: { figures: Figures }) {
  const [given, setSpan] = useParam("days");
  const [isTable, setTable] = useState(false);
  const { currency } = figures.revenue;
  const span = isSpan(given) ? SPANS[given] : SPANS[""];
  const days = useMemo(() => everyDay(figures.byDay, span, new Date()), [figures.byDay, span]);
  const series = useMemo<Series[]>(
    () => [
      { label: "Orders", look: "bars", colour: "--accent-fill", format: formatNumber, tick: wholeOnly },
      {
        label: "Revenue",
        look: "line",
        colour: "--info",
        format: (value) => formatMoney({ amount: String(value), currency }),
        tick: (value) => shortMoney(value, currency),
      },
    ],
    [currency],
  );
  const at = useMemo(() => days.map((day) => day.at), [days]);
  const values = useMemo(() => [days.map(({ orders }) => orders), days.map(({ revenue }) => revenue)], [days]);
  const placed = days.reduce((sum, { orders }) => sum + orders, 0);
  return (
    <Panel
      title="By day"
      actions={
        <div className={css.choices}>
          <SelectField label="Days shown" isLabelHidden value={given} onChange={(event) => setSpan(event.target.value)}>
            <option value="">14 days</option>
            <option value="90">90 days</option>
            <option value="all">All days</option>
          </SelectField>
          <Button size="small" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
            {isTable ? "Show as a chart" : "Show as a table"}
          </Button>
        </div>
      }
    >
      {!isTable && (
        <DayChart
          description={`Orders and revenue of ${days.length} days, ${placed} orders in all. A table follows.`}
          days={at}
          series={series}
          values={values}
        />
      )}
      <div className={isTable ? undefined : "visually-hidden"}>
        <DayTable days={days} currency={currency} />
      </div>
    </Panel>
  );
}

function DayTable({ days, currency }: { days: readonly Day[]; currency: string }) {
  return (
    <table className={table.table}>
      <caption className="visually-hidden">Orders and revenue by day, in UTC</caption>
      <thead>
        <tr>
          <th scope="col">Day</th>
          <th scope="col" className={table.number}>
            Orders
          </th>
          <th scope="col" className={table.number}>
            Revenue
          </th>
        </tr>
      </thead>
      <tbody>
        {[...days].reverse().map(({ day, orders, revenue }) => (
          <tr key={day}>
            <td>{day}</td>
            <td className={table.number}>{formatNumber(orders)}</td>
            <td className={table.number}>{formatMoney({ amount: String(revenue), currency })}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function wholeOnly(value: number): string {
  return Number.isInteger(value) ? formatNumber(value) : "";
}

function shortMoney(value: number, currency: string): string {
  const short = { notation: "compact", currencyDisplay: "narrowSymbol", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(undefined, { style: "currency", currency, ...short }).format(value);
}
