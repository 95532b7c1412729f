export interface DayFigure {
  day: string;
  orders: number;
  revenue: { amount: string };
}

export interface Day {
  /** Like 2030-01-31, in UTC. */
  day: string;
  /** Its beginning, in seconds since 1970. */
  at: number;
  orders: number;
  revenue: number;
}

const DAY_MS = 86_400_000;

/** The last days up to today, also those on which nothing happened; all since the first with null for their number. */
export function everyDay(figures: readonly DayFigure[], number: number | null, now: Date): Day[] {
  const known = new Map(figures.map((figure) => [figure.day, figure]));
  const last = Math.floor(now.getTime() / DAY_MS);
  const first =
    number === null ? Math.min(last, ...figures.map(({ day }) => Date.parse(day) / DAY_MS)) : last - number + 1;
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const day = new Date((first + index) * DAY_MS).toISOString().slice(0, 10);
    const figure = known.get(day);
    const at = ((first + index) * DAY_MS) / 1_000;
    return { day, at, orders: figure?.orders ?? 0, revenue: Number(figure?.revenue.amount ?? 0) };
  });
}
