import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { classes } from "../ui/classes";
import { TimeText } from "../ui/text";
import css from "./events.module.css";
import { actorText, type LoggedEvent, shortId } from "./log";
import { useNames } from "./use-names";

const LOW = 34;
const HIGH = 52;
const narrow = window.matchMedia("(max-width: 48rem)");

function watchWidth(listener: () => void): () => void {
  narrow.addEventListener("change", listener);
  return () => narrow.removeEventListener("change", listener);
}

interface Props {
  /** Newest first. */
  events: readonly LoggedEvent[];
  /** What comes below the last one. */
  children: ReactNode;
}

/** Events as rows, of which only those in sight are there. The keys j and k go down and up. */
export function EventList({ events, children }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const height = useSyncExternalStore(watchWidth, () => (narrow.matches ? HIGH : LOW));
  const names = useNames(events);
  const [current, setCurrent] = useState<string | null>(null);
  const at = current === null ? -1 : events.findIndex(({ position }) => position === current);
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => frame.current,
    estimateSize: () => height,
    getItemKey: (index) => events[index]?.position ?? index,
    overscan: 12,
    // The row with the focus stays, wherever one scrolls.
    rangeExtractor: (range) => {
      const rows = defaultRangeExtractor(range);
      return at < 0 || rows.includes(at) ? rows : [...rows, at].sort((one, other) => one - other);
    },
  });
  useEffect(() => {
    if (height) virtual.measure();
  }, [height, virtual]);
  useStandstill(frame, events, height);

  useEffect(() => {
    function press(event: KeyboardEvent) {
      if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
      const next = events[Math.min(Math.max(at + step, 0), events.length - 1)];
      if (step === 0 || !next) return;
      event.preventDefault();
      setCurrent(next.position);
      virtual.scrollToIndex(events.indexOf(next));
      requestAnimationFrame(() => focusRow(frame.current, next.position));
    }
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [events, at, virtual]);

  const rows = virtual.getVirtualItems();
  const parts = rows.map((row, index) => {
    const before = index === 0 ? 0 : (rows[index - 1]?.end ?? 0);
    return { row, gap: row.start - before };
  });
  const after = virtual.getTotalSize() - (rows.at(-1)?.end ?? 0);
  return (
    <div ref={frame} className={css.frame}>
      <table className={css.table} aria-label="Events, newest first" aria-rowcount={events.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" className={css.place}>
              Position
            </th>
            <th scope="col">Event</th>
            <th scope="col" className={css.stream}>
              Stream
            </th>
            <th scope="col" className={css.wide}>
              Command
            </th>
            <th scope="col" className={css.wide}>
              Who
            </th>
            <th scope="col" className={css.time}>
              Stored
            </th>
          </tr>
        </thead>
        <tbody>
          {parts.flatMap(({ row, gap }) => {
            const event = events[row.index];
            if (!event) return [];
            const isFirst = at < 0 ? row.index === rows[0]?.index : row.index === at;
            return [
              gap > 0 && <Gap key={`before ${row.key}`} height={gap} />,
              <EventRow
                key={row.key}
                event={event}
                who={names.get(event.actorId ?? "") ?? shortId(actorText(event.actorId))}
                index={row.index}
                isReached={isFirst}
                onFocus={() => setCurrent(event.position)}
              />,
            ];
          })}
          {after > 0 && <Gap height={after} />}
        </tbody>
      </table>
      <div className={css.below}>{children}</div>
    </div>
  );
}

// Not visible, and so not there for screen readers either.
function Gap({ height }: { height: number }) {
  return (
    <tr className={css.gap}>
      <td style={{ height }} />
    </tr>
  );
}

interface RowProps {
  event: LoggedEvent;
  who: string;
  index: number;
  isReached: boolean;
  onFocus(): void;
}

function EventRow({ event, who, index, isReached, onFocus }: RowProps) {
  const { position, type, stream, version, commandId, actorId, recordedAt } = event;
  return (
    <tr aria-rowindex={index + 2} className={css.row}>
      <td className={css.place}>
        <Link
          href={`/console/events/${position}`}
          data-position={position}
          className={css.link}
          tabIndex={isReached ? 0 : -1}
          aria-label={`${position} ${type}`}
          onFocus={onFocus}
        >
          {position}
        </Link>
      </td>
      <td className={css.type}>
        {type}
        <span className={css.under}>{stream}</span>
      </td>
      <td className={css.stream} title={stream}>
        <span className={css.versioned}>
          <span>{stream}</span> <span className={css.version}>v{version}</span>
        </span>
      </td>
      <td className={classes(css.wide, css.soft)} title={commandId ?? undefined}>
        {commandId === null ? "—" : shortId(commandId)}
      </td>
      <td className={classes(css.wide, css.soft)} title={actorId ?? undefined}>
        {who}
      </td>
      <td className={css.time}>
        <TimeText at={recordedAt} />
      </td>
    </tr>
  );
}

/** Whoever has scrolled away from the newest keeps what they read before their eyes while rows come above it. */
function useStandstill(
  frame: { current: HTMLDivElement | null },
  events: readonly LoggedEvent[],
  height: number,
): void {
  const first = useRef<string | undefined>(undefined);
  useLayoutEffect(() => {
    const before = first.current;
    first.current = events[0]?.position;
    if (!frame.current || frame.current.scrollTop === 0 || before === undefined) return;
    const added = events.findIndex(({ position }) => position === before);
    if (added > 0) frame.current.scrollTop += added * height;
  }, [frame, events, height]);
}

function focusRow(frame: HTMLElement | null, position: string): void {
  frame?.querySelector<HTMLElement>(`[data-position="${position}"]`)?.focus({ preventScroll: true });
}

/** Whether a key belongs to where it is pressed. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}
