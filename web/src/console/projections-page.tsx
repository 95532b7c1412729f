import { useEffect, useState } from "react";
import { Link } from "wouter";
import { watchViewer } from "../api/session";
import { useLive } from "../api/views";
import { Badge } from "../ui/badge";
import { classes } from "../ui/classes";
import { PageHead } from "../ui/page";
import { Empty, Failure, Loading } from "../ui/states";
import table from "../ui/table.module.css";
import { formatNumber, TimeText } from "../ui/text";
import css from "./projections.module.css";
import {
  formatSeconds,
  type Projection,
  Projections,
  points,
  rebuiltPart,
  type Sample,
  sampled,
  secondsLeft,
} from "./pulse";

export default function ProjectionsPage() {
  const { value, problem } = useLive(Projections, {}, (data) => data.projections);
  const history = useHistory(value);
  const isFrozen = useFrozen(value);
  const asOf = value?.[0]?.asOf;
  return (
    <>
      <PageHead
        title="Projections"
        aside={
          asOf && (
            <Badge tone={isFrozen ? "warn" : "accent"}>
              {isFrozen && "Not current: "}as of <TimeText at={asOf} />
            </Badge>
          )
        }
      >
        Each read model and each process goes through the log by itself. This is how far they are.
      </PageHead>
      {problem && <Failure problem={problem} />}
      {!value && !problem && <Loading label="Loading the projections" rows={8} />}
      {value && value.length === 0 && <Empty title="There is no projection" />}
      {value && value.length > 0 && (
        <>
          <p role="status" className={css.summary}>
            {summary(value)}
          </p>
          <div className={classes(table.frame, isFrozen && css.frozen)}>
            <table className={classes(table.table, css.table)} aria-label="Projections">
              <Head />
              <tbody>
                {value.map((projection) => (
                  <Row
                    key={projection.name}
                    projection={projection}
                    samples={history.get(projection.name) ?? []}
                    isFrozen={isFrozen}
                  />
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </>
  );
}

function Head() {
  return (
    <thead>
      <tr>
        <th scope="col">Projection</th>
        <th scope="col">State</th>
        <th scope="col" className={classes(table.number, css.wide)}>
          Position
        </th>
        <th scope="col" className={classes(table.number, css.wide)}>
          Head
        </th>
        <th scope="col" className={classes(table.number, css.lag)}>
          Lag, events
        </th>
        <th scope="col" className={classes(table.number, css.wide)}>
          Lag, time
        </th>
        <th scope="col" className={css.chart}>
          Last 5 minutes
        </th>
        <th scope="col" className={classes(table.number, css.wide)}>
          Rate
        </th>
        <th scope="col" className={classes(table.number, css.wide)}>
          Dead letters
        </th>
      </tr>
    </thead>
  );
}

interface RowProps {
  projection: Projection;
  samples: readonly Sample[];
  isFrozen: boolean;
}

function Row({ projection, samples, isFrozen }: RowProps) {
  const { name, position, head, lagEvents, lagSeconds, eventsPerSecond, deadLetters, lastError } = projection;
  return (
    <tr>
      <th scope="row" className={css.name}>
        {name}
        <span className={css.under}>
          {formatNumber(Number(position))} of {formatNumber(Number(head))}
        </span>
      </th>
      <td>
        <State projection={projection} samples={samples} isFrozen={isFrozen} />
        {lastError && <p className={css.error}>{lastError}</p>}
      </td>
      <td className={classes(table.number, css.wide)}>{formatNumber(Number(position))}</td>
      <td className={classes(table.number, css.wide)}>{formatNumber(Number(head))}</td>
      <td className={classes(table.number, css.lag)}>
        {formatNumber(lagEvents)}
        {lagEvents > 0 && <span className={css.seconds}>{formatSeconds(lagSeconds)}</span>}
      </td>
      <td className={classes(table.number, css.wide)}>{lagEvents > 0 ? formatSeconds(lagSeconds) : "0 s"}</td>
      <td className={css.chart}>
        <Sparkline samples={samples} />
      </td>
      <td className={classes(table.number, css.wide)}>{rate.format(eventsPerSecond)} /s</td>
      <td className={classes(table.number, css.wide)}>
        {deadLetters > 0 ? <Link href={`/console/dead-letters?process=${name}`}>{formatNumber(deadLetters)}</Link> : 0}
      </td>
    </tr>
  );
}

const rate = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

type Look = { word: string; mark: string; tone: "good" | "info" | "bad" | "warn" | "neutral" };

const looks: Readonly<Record<Projection["state"], Look>> = {
  LIVE: { word: "Caught up", mark: "✓", tone: "good" },
  CATCHING_UP: { word: "Catching up", mark: "»", tone: "info" },
  STALLED: { word: "Stalled", mark: "!", tone: "bad" },
  REBUILDING: { word: "Rebuilding", mark: "↻", tone: "info" },
  PAUSED: { word: "Paused", mark: "‖", tone: "warn" },
};

function State({ projection, samples, isFrozen }: RowProps) {
  const { word, mark, tone } = looks[projection.state];
  const part = rebuiltPart(projection);
  const left = secondsLeft(projection, samples);
  return (
    <span className={css.how}>
      <Badge tone={isFrozen ? "neutral" : tone}>
        <span aria-hidden="true">{mark}</span>
        {word}
      </Badge>
      {part !== null && (
        <progress value={part} max={1} aria-label={`Rebuild of ${projection.name}`} className={css.progress} />
      )}
      {(part !== null || left !== null) && (
        <span className={css.left}>
          {part !== null && `${Math.floor(part * 100)} %`}
          {part !== null && left !== null && " · "}
          {left !== null && `${formatSeconds(left)} left`}
        </span>
      )}
    </span>
  );
}

const WIDTH = 100;
const HEIGHT = 24;

/** The lag in events over the last minutes. The numbers of now stand beside it. */
function Sparkline({ samples }: { samples: readonly Sample[] }) {
  const most = Math.max(0, ...samples.map(({ lag }) => lag));
  return (
    <svg
      viewBox={`-1 -2 ${WIDTH + 2} ${HEIGHT + 4}`}
      width={WIDTH}
      height={HEIGHT + 4}
      role="img"
      aria-label={`Lag over the last minutes: at most ${formatNumber(most)} ${most === 1 ? "event" : "events"}`}
      className={css.spark}
    >
      <title>At most {formatNumber(most)} behind</title>
      <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className={css.base} />
      <polyline points={points(samples, WIDTH, HEIGHT)} className={css.line} />
    </svg>
  );
}

function summary(projections: readonly Projection[]): string {
  const counts = new Map<Projection["state"], number>();
  for (const { state } of projections) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${count} ${looks[state].word.toLowerCase()}`);
  return `${projections.length} projections: ${parts.join(", ")}.`;
}

// Kept while one looks at other pages, and for nobody else.
let histories = new Map<string, readonly Sample[]>();
watchViewer(() => {
  histories = new Map();
});

function useHistory(projections: readonly Projection[] | undefined): ReadonlyMap<string, readonly Sample[]> {
  const [shown, setShown] = useState(histories);
  useEffect(() => {
    if (!projections) return;
    histories = new Map(projections.map((each) => [each.name, sampled(histories.get(each.name) ?? [], each)]));
    setShown(histories);
  }, [projections]);
  return shown;
}

const BEAT_MS = 5_000;
const MISSED = 3;

/** Whether the numbers have not been looked at for so long that they may be wrong: the server tells them every beat. */
function useFrozen(value: unknown): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (value === undefined) return;
    const since = Date.now();
    const timer = setInterval(() => setLate(Date.now() - since > MISSED * BEAT_MS), 1_000);
    return () => clearInterval(timer);
  }, [value]);
  return isLate;
}
