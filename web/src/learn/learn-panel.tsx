import { useState } from "react";
import { dropSocket, pullPlug } from "../api/client";
import { connectNow, useConnection } from "../api/connection";
import { graphql } from "../api/graphql";
import { isStaff, useViewer } from "../api/session";
import { useLive } from "../api/views";
import { useCountdown } from "../ui/banner";
import { Button, IconButton } from "../ui/button";
import { classes } from "../ui/classes";
import { Panel } from "../ui/page";
import { Loading } from "../ui/states";
import { type Control, isDetained, press, putBack, useControls } from "./controls";
import css from "./learn.module.css";
import { labelOf, lookOf } from "./projections";

const DELAYS = [0, 500, 2_000, 5_000];
const UNPLUGGED_S = 10;

/** The learning buttons: what eventual consistency looks like when something is late, or away. */
export default function LearnPanel() {
  const { list, problem } = useControls();
  const [advice, setAdvice] = useState<string | null>(null);
  const detained = list?.filter(isDetained) ?? [];
  return (
    <Panel
      title="Try it out"
      actions={
        list &&
        detained.length > 0 && (
          <Button size="small" onClick={() => void putBack(list)}>
            Put everything back
          </Button>
        )
      }
    >
      <div role="status" className={css.advice}>
        {problem ? <p className={css.bad}>{problem}</p> : advice && <p>{advice}</p>}
      </div>
      <Cut onAdvice={setAdvice} />
      <div className={css.projections}>
        <h3>Projections</h3>
        <p className={css.soft}>Slow one down, pause it, or build it anew, for everybody who uses this demo.</p>
        {!list && <Loading label="Loading the projections" rows={4} />}
        {list && (
          <ul className={css.list}>
            {list.map((control) => (
              <ControlRow key={control.name} control={control} onAdvice={setAdvice} />
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}

interface Adviser {
  onAdvice(text: string): void;
}

function Cut({ onAdvice }: Adviser) {
  const connection = useConnection();
  const [until, setUntil] = useState(0);
  const seconds = useCountdown(until);
  const isOut = seconds > 0 && connection.state !== "connected";
  return (
    <div className={css.cut}>
      <h3>Connection</h3>
      <div className={css.buttons}>
        <Button
          size="small"
          disabled={connection.state !== "connected"}
          onClick={() => {
            dropSocket();
            onAdvice(
              "Look at the mark beside the title: the lists go on from where they were, and read nothing twice.",
            );
          }}
        >
          Drop the socket
        </Button>
        {isOut ? (
          <Button size="small" onClick={connectNow}>
            Plug in again ({seconds} s)
          </Button>
        ) : (
          <Button
            size="small"
            disabled={connection.state !== "connected"}
            onClick={() => {
              pullPlug(UNPLUGGED_S);
              setUntil(Date.now() + UNPLUGGED_S * 1_000);
              onAdvice(
                "Change something now, or have it changed in another tab: what you sent waits here and goes out once, and what you missed is caught up and counted.",
              );
            }}
          >
            Pull the plug for {UNPLUGGED_S} s
          </Button>
        )}
      </div>
    </div>
  );
}

const Places = graphql(`subscription Places { projections { name lagEvents state } }`);

function useLags(): ReadonlyMap<string, { lagEvents: number; state: string }> {
  const viewer = useViewer();
  const live = useLive(Places, isStaff(viewer) ? {} : null, (data) => data.projections);
  return new Map(live.value?.map((each) => [each.name, each]));
}

function ControlRow({ control, onAdvice }: Adviser & { control: Control }) {
  const { name, isPaused, delayMs } = control;
  const label = labelOf(name);
  const place = useLags().get(name);
  const delays = DELAYS.includes(delayMs) ? DELAYS : [...DELAYS, delayMs].sort((one, other) => one - other);
  async function act(action: Parameters<typeof press>[1], text: string) {
    if (await press(name, action)) onAdvice(text);
  }
  return (
    <li className={classes(css.row, isDetained(control) && css.isDetained)}>
      <span className={css.name} title={name}>
        {label}
        <small className={css.place}>{placeOf(control, place)}</small>
      </span>
      <select
        className={css.delay}
        aria-label={`Delay of ${label}`}
        title="How long each batch is put off"
        value={delayMs}
        onChange={(event) => {
          const wanted = Number(event.target.value);
          const text =
            wanted > 0
              ? `${label} is late by ${seconds(wanted)} now: ${lookOf(name)}`
              : `${label} is as fast as it can be.`;
          void act({ action: "slow", delayMs: wanted }, text);
        }}
      >
        {delays.map((delay) => (
          <option key={delay} value={delay}>
            {delay === 0 ? "no delay" : seconds(delay)}
          </option>
        ))}
      </select>
      <IconButton
        size="small"
        look="plain"
        label={`${isPaused ? "Resume" : "Pause"} ${label}`}
        onClick={() =>
          isPaused
            ? act(
                { action: "resume" },
                `${label} goes on: what piled up is taken in one go, and outlined rows become solid.`,
              )
            : act({ action: "pause" }, `${label} stands still: ${lookOf(name)}`)
        }
      >
        <Sign path={isPaused ? "M4 3l9 5-9 5z" : "M4 3h3v10H4zM9 3h3v10H9z"} />
      </IconButton>
      <IconButton
        size="small"
        look="plain"
        label={`Rebuild ${label}`}
        disabled={isPaused}
        title={isPaused ? "Resume it first" : `Rebuild ${label}`}
        onClick={() =>
          act(
            { action: "rebuild" },
            `${label} is folded anew from the first event: nothing on the page moves, as the old rows serve until the new ones are complete.`,
          )
        }
      >
        <Sign path="M8 2.5a5.5 5.5 0 1 0 5.3 4l-1.6.5A3.9 3.9 0 1 1 8 4.1V6.5L12 3.2 8 0z" />
      </IconButton>
    </li>
  );
}

function placeOf({ isPaused }: Control, place: { lagEvents: number; state: string } | undefined): string {
  const behind = place?.lagEvents ?? 0;
  const words = isPaused ? ["paused"] : place?.state === "REBUILDING" ? ["rebuilding"] : [];
  if (behind > 0) words.push(`${behind} behind`);
  return words.join(", ");
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1_000} s`;
}

function Sign({ path }: { path: string }) {
  return (
    <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
      <path d={path} fill="currentColor" />
    </svg>
  );
}
