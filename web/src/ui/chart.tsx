import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import css from "./chart.module.css";
import { useIsDark } from "./theme";

export interface Series {
  label: string;
  look: "bars" | "line";
  /** The name of a token: "--accent". */
  colour: string;
  format(value: number): string;
  /** For the axis; "" draws none. */
  tick(value: number): string;
}

interface Props {
  /** What it shows, in a sentence, for those who do not see it. */
  description: string;
  /** In seconds since 1970. Shown as days in UTC. */
  days: readonly number[];
  /** One or two; the second has its axis on the right. */
  series: readonly Series[];
  /** One list of numbers for each series. */
  values: readonly (readonly number[])[];
  height?: number;
}

/** Numbers by day, drawn. Say the same as a table too. */
export function DayChart({ description, days, series, values, height = 240 }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const isDark = useIsDark();
  const data = useMemo<uPlot.AlignedData>(() => [[...days], ...values.map((each) => [...each])], [days, values]);
  const newest = useRef(data);

  useEffect(() => {
    newest.current = data;
    chart.current?.setData(data);
  }, [data]);

  // Its colours and functions are taken when it is made, so it is made anew for another theme.
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const made = new uPlot(optionsOf(element, series, height, isDark), newest.current, element);
    chart.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [series, height, isDark]);

  return <div ref={host} role="img" aria-label={description} className={css.chart} />;
}

function optionsOf(element: HTMLElement, series: readonly Series[], height: number, isDark: boolean): uPlot.Options {
  const colour = (token: string) => resolved(element, token);
  const line = colour("--line");
  const text = colour("--text-soft");
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: text, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  return {
    width: element.clientWidth,
    height,
    class: isDark ? "dark" : "light",
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: (_, least, most) => [least - DAY / 2, most + DAY / 2] },
      ...Object.fromEntries(series.map((_, index) => [`y${index}`, { range: fromNought }])),
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        values: (_, days) => days.map(dayName),
        space: 70,
        size: 32,
        incrs: WHOLE_DAYS,
      },
      ...series.map(({ tick }, index) => ({
        ...axis,
        scale: `y${index}`,
        side: index === 0 ? 3 : 1,
        size: index === 0 ? 40 : 60,
        ...(index === 0 ? {} : { grid: { show: false } }),
        values: (_: uPlot, splits: number[]) => splits.map(tick),
      })),
    ],
    series: [
      { label: "Day", value: (_, seconds) => (seconds == null ? "–" : dayName(seconds)) },
      ...series.map(({ label, look, colour: token, format }, index) => ({
        label,
        scale: `y${index}`,
        stroke: colour(token),
        width: look === "line" ? 2 : 0,
        value: (_: uPlot, value: number | null) => (value == null ? "–" : format(value)),
        ...(look === "bars"
          ? { fill: colour(token), paths: bars, points: { show: false } }
          : { points: { size: 5, fill: colour("--surface") } }),
      })),
    ],
  };
}

const DAY = 86_400;
const WHOLE_DAYS = [1, 2, 7, 14, 30, 61, 91, 182, 365].map((days) => days * DAY);
const bars = uPlot.paths.bars?.({ size: [0.6, 48], radius: 0.15 }) ?? (() => null);
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const dayName = (seconds: number): string => day.format(seconds * 1_000);

function fromNought(_: uPlot, least: number, most: number): [number, number] {
  return [Math.min(0, least) * 1.1, Math.max(1, most) * 1.1];
}

// A canvas does not know custom properties, nor light-dark().
function resolved(element: HTMLElement, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
