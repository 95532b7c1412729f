import { type CSSProperties, Fragment, useEffect, useRef, useState } from "react";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { useCalm } from "../ui/motion";
import css from "./picture.module.css";
import { type Clock, formatDuration, type Lane, type Place, type Timeline, ticksOf } from "./timeline";

const PLAYED_IN_MS = 1_600;
const SEEN_AS_IT_WAS_MS = 1_000;

interface Props {
  timeline: Timeline;
  /** Nothing is to come any more. */
  isOver: boolean;
  /** It has just happened, in this page. */
  isNews?: boolean;
  /** The table is there for all to see, and not for screen readers alone. */
  isTableShown?: boolean;
}

const PLACES: Readonly<Record<Place, string>> = {
  request: "This browser",
  log: "The log",
  projections: "Projections",
  frames: "Frames",
  processes: "What followed",
};

/** The way of a command on one axis of time: lanes to look at, a table to read. */
export function Picture({ timeline, isOver, isNews = false, isTableShown = false }: Props) {
  const { lanes, total, zero } = timeline;
  const { plays, play } = usePlays(isOver, isNews && total < SEEN_AS_IT_WAS_MS);
  const isCalm = useCalm();
  const slower = Math.round(PLAYED_IN_MS / total);
  return (
    <div className={css.picture}>
      <div key={plays} className={classes(css.plot, plays > 0 && !isCalm && css.isPlaying)} aria-hidden="true">
        <Axis total={total} />
        <ol className={css.lanes}>
          {lanes.map((lane, index) => (
            <Fragment key={lane.key}>
              {lanes[index - 1]?.place !== lane.place && (
                <li className={css.place}>
                  {PLACES[lane.place]}
                  <span className={css.clock}>{clockOf(lane.clock)}</span>
                </li>
              )}
              <LaneRow lane={lane} total={total} />
            </Fragment>
          ))}
        </ol>
      </div>
      <LaneTable lanes={lanes} isShown={isTableShown} />
      <p className={css.legend}>
        {zero
          ? `Browser: since it was sent. Server (+): since it was stored, which was ${formatDuration(zero.at)} after the sending, give or take ${formatDuration(zero.give)}: no clock measures both.`
          : "Server (+): since it was stored. How long it took to and from a browser, only that browser knows."}
      </p>
      {isOver && !isCalm && slower > 1 && (
        <div className={css.replay}>
          <Button size="small" onClick={play}>
            Play it slowly
          </Button>
          <span>{slower} times slower</span>
        </div>
      )}
    </div>
  );
}

// What was over in a blink is played once, slowly. What took its time has been seen.
function usePlays(isOver: boolean, isToBePlayed: boolean) {
  const [plays, setPlays] = useState(0);
  const wasOver = useRef(isOver);
  useEffect(() => {
    if (isOver && !wasOver.current && isToBePlayed) setPlays((count) => count + 1);
    wasOver.current = isOver;
  }, [isOver, isToBePlayed]);
  return { plays, play: () => setPlays((count) => count + 1) };
}

// Further on there is no room for a label beside its line.
const LABELLED = 0.8;

function labelOf(tick: number): string {
  if (tick >= 1_000) return `${tick / 1_000} s`;
  return tick === 0 ? "0" : `${Math.round(tick * 100) / 100} ms`;
}

function Axis({ total }: { total: number }) {
  return (
    <div className={css.axis}>
      {ticksOf(total).map((tick) => (
        <span key={tick} className={css.tick} style={{ left: percent(tick, total) }}>
          {tick / total < LABELLED && labelOf(tick)}
        </span>
      ))}
      <span className={css.head} />
    </div>
  );
}

function LaneRow({ lane, total }: { lane: Lane; total: number }) {
  const { label, note, state, from, until, place } = lane;
  const isPoint = place === "log" || place === "processes";
  const bar: CSSProperties = {
    left: percent(from, total),
    width: percent(until - from, total),
    ...played("--begin", from, total),
    ...played("--last", until - from, total),
  };
  const dot: CSSProperties = { left: percent(until, total), ...played("--begin", until, total) };
  return (
    <li className={classes(css.lane, css[state], css[place])}>
      <span className={css.label}>
        {label}
        {note && <span className={css.note}> {note}</span>}
      </span>
      <span className={css.number}>{numberOf(lane)}</span>
      <span className={css.track}>
        {!isPoint && <span className={css.bar} style={bar} />}
        {state !== "waiting" && <span className={css.dot} style={dot} />}
      </span>
    </li>
  );
}

function played(name: string, milliseconds: number, total: number): CSSProperties {
  return { [name]: `${Math.round((milliseconds / total) * PLAYED_IN_MS)}ms` } as CSSProperties;
}

const percent = (part: number, whole: number) => `${(Math.min(1, part / whole) * 100).toFixed(3)}%`;
const clockOf = (clock: Clock) => (clock === "browser" ? "browser's clock" : "server's clock");

function numberOf({ state, clock, milliseconds }: Lane): string {
  if (milliseconds !== null) return `${clock === "server" ? "+" : ""}${formatDuration(milliseconds)}`;
  if (state === "waiting") return "to come";
  return state === "failed" ? "none" : "not known";
}

function LaneTable({ lanes, isShown }: { lanes: readonly Lane[]; isShown: boolean }) {
  return (
    <div className={isShown ? css.tableFrame : "visually-hidden"}>
      <table className={css.table}>
        <caption className="visually-hidden">The way of the command in numbers</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Clock</th>
            <th scope="col">Measured</th>
          </tr>
        </thead>
        <tbody>
          {lanes.map((lane) => (
            <tr key={lane.key}>
              <th scope="row">
                {PLACES[lane.place]}: {lane.label}
                {lane.note && `, ${lane.note}`}
              </th>
              <td>{lane.clock === "browser" ? "Browser, since sent" : "Server, since stored"}</td>
              <td>
                {lane.milliseconds === null ? (
                  numberOf(lane)
                ) : (
                  <data value={String(lane.milliseconds)}>{numberOf(lane)}</data>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
