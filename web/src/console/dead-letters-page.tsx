import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { useDeadLetterCount } from "../api/lag";
import { useLive } from "../api/views";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Freshness } from "../ui/freshness";
import { PageHead, Panel } from "../ui/page";
import { Empty, Failure, Loading } from "../ui/states";
import table from "../ui/table.module.css";
import { formatNumber, TimeText } from "../ui/text";
import css from "./dead-letters.module.css";
import { DiscardDialog } from "./discard-dialog";
import { countOf, DeadLetters, type Group, grouped, idOf, type Letter, nameOf, type Queues } from "./letters";
import { Results } from "./results";
import { type Deeds, useDeeds } from "./use-deeds";

export default function DeadLettersPage() {
  const [params] = useSearchParams();
  const process = params.get("process");
  const live = useLive(DeadLetters, { process }, (data) => data.deadLetters);
  const { value: letters, problem } = live;
  const deeds = useDeeds();
  const [discarded, setDiscarded] = useState<Queues | null>(null);
  const groups = grouped(letters ?? []);
  const missing = Math.max(0, useDeadLetterCount() - (letters?.length ?? 0));
  const isAll = process !== null || missing === 0;
  const status = live.status === "ended" ? "behind" : live.status;
  return (
    <>
      <PageHead
        title="Dead letters"
        aside={<Freshness view={{ name: "deadLetters", behind: 0, status, problem }} what="The list" />}
        actions={process && <Link href="/console/dead-letters">Those of all processes</Link>}
      >
        {process && `Of the process ${process}.`}
      </PageHead>
      <div className={css.page}>
        {problem && <Failure problem={problem} />}
        {!letters && !problem && <Loading label="Loading the dead letters" />}
        {letters && !isAll && (
          <p className={css.soft}>
            The first {formatNumber(letters.length)} are shown; {formatNumber(missing)} more come as these go.
          </p>
        )}
        <Results deeds={deeds.list} letters={letters ?? []} onClear={deeds.clear} />
        {letters && groups.length === 0 && <Nothing />}
        {groups.map((group) => (
          <GroupPanel key={group.id} group={group} deeds={deeds} onDiscard={setDiscarded} />
        ))}
      </div>
      {discarded && <DiscardDialog queues={discarded} isAll={isAll} deeds={deeds} onClose={() => setDiscarded(null)} />}
    </>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing is set aside">
      <p>
        When a process cannot act upon an event, say because the mail server is away, the event is set aside here with
        the reason. It is tried again by itself, later and later; after twenty times it is given up, and only somebody
        who decides so here brings it back. Later events of the same key wait behind it, so that everything happens in
        order; other keys go on.
      </p>
    </Empty>
  );
}

interface GroupProps {
  group: Group;
  deeds: Deeds;
  onDiscard(queues: Queues): void;
}

const SHOWN_AT_ONCE = 20;

function GroupPanel({ group, deeds, onDiscard }: GroupProps) {
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  const { process, error, queues } = group;
  const count = countOf(group);
  const waiting = count - queues.length;
  const [queue, ...others] = queues;
  const firsts = queues.map(({ first }) => first);
  const title = `${process}: ${error ?? "about to be tried"}`;
  return (
    <Panel
      title={title}
      actions={
        <>
          <Button size="small" disabled={deeds.isBusy} onClick={() => void deeds.retry(firsts)}>
            {firsts.length === 1 ? "Retry" : `Retry all ${formatNumber(firsts.length)}, in order`}
          </Button>
          {queue && others.length > 0 && (
            <Button size="small" disabled={deeds.isBusy} onClick={() => onDiscard([queue, ...others])}>
              Discard all {formatNumber(firsts.length)}…
            </Button>
          )}
        </>
      }
    >
      <p className={css.soft}>
        {formatNumber(queues.length)} failed
        {waiting > 0 && `, ${formatNumber(waiting)} ${waiting === 1 ? "waits" : "wait"} behind`}
      </p>
      <div className={css.frame}>
        <table className={table.table} aria-label={`Letters of ${title}`}>
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col" className={css.wide}>
                Key
              </th>
              <th scope="col">State</th>
              <th scope="col" className={css.wide}>
                Set aside
              </th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {queues.slice(0, shown).flatMap((queue) => [
              <LetterRow key={idOf(queue.first)} letter={queue.first}>
                <Button
                  size="small"
                  disabled={deeds.isBusy}
                  aria-label={`Retry ${nameOf(queue.first)}`}
                  onClick={() => void deeds.retry([queue.first])}
                >
                  Retry
                </Button>
                <Button size="small" aria-label={`Discard ${nameOf(queue.first)}`} onClick={() => onDiscard([queue])}>
                  Discard…
                </Button>
              </LetterRow>,
              ...queue.behind.map((letter) => <LetterRow key={idOf(letter)} letter={letter} isBehind />),
            ])}
          </tbody>
        </table>
      </div>
      {shown < queues.length && (
        <Button size="small" onClick={() => setShown(shown + 100)}>
          Show more of {formatNumber(queues.length)}
        </Button>
      )}
    </Panel>
  );
}

interface LetterProps {
  letter: Letter;
  isBehind?: boolean;
  children?: React.ReactNode;
}

function LetterRow({ letter, isBehind = false, children }: LetterProps) {
  const { position, event, key, parkedAt } = letter;
  return (
    <tr>
      <td className={isBehind ? css.behind : undefined}>
        <Link href={`/console/events/${position}`}>{event?.type ?? "Event"}</Link>{" "}
        <span className={css.soft}>at {position}</span>
      </td>
      <td className={css.wide}>{key}</td>
      <td>
        <State letter={letter} isBehind={isBehind} />
      </td>
      <td className={css.wide}>
        <TimeText at={parkedAt} />
      </td>
      <td className={css.actions}>
        <div className={css.buttons}>{children}</div>
      </td>
    </tr>
  );
}

function State({ letter: { attempts, retryAt, isDead }, isBehind }: { letter: Letter; isBehind: boolean }) {
  if (isBehind) return <Badge>Waits behind</Badge>;
  const times = `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`;
  if (isDead) return <Badge tone="bad">Given up after {times}</Badge>;
  return (
    <span className={css.state}>
      <Badge tone="warn">{attempts === 0 ? "About to be tried" : times}</Badge>
      {retryAt && attempts > 0 && (
        <span className={css.soft}>
          next at <TimeText at={retryAt} />
        </span>
      )}
    </span>
  );
}
