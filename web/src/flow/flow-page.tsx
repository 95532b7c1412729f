import type { FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { useIntent } from "../api/intents";
import { useViewer } from "../api/session";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { PageHead, Panel } from "../ui/page";
import { Empty, Failure, Loading } from "../ui/states";
import { TimeText } from "../ui/text";
import { causesOf } from "./causes";
import { Chain } from "./chain";
import css from "./flow.module.css";
import { useJournal, useJourney } from "./journal";
import type { Journey } from "./journey";
import { commandIdIn, pathOf } from "./paths";
import { type CommandAnswer, useCommand } from "./use-command";
import { Way } from "./way";

export default function FlowPage() {
  useLocation();
  const commandId = commandIdIn(window.location.pathname);
  return (
    <>
      <PageHead title={commandId ? "The way of a command" : "Commands"} actions={<Opener />}>
        From the browser to the log, through the projections, and back: with the times that were measured.
      </PageHead>
      <div className={css.page}>
        {commandId ? <Command key={commandId} commandId={commandId} /> : <Overview />}
        <Own current={commandId} />
      </div>
    </>
  );
}

function Overview() {
  return (
    <Panel>
      <Empty title="Which command?">Choose one of yours, or open any that you may see by its id.</Empty>
    </Panel>
  );
}

function Opener() {
  const [, go] = useLocation();
  function open(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const id = String(new FormData(event.currentTarget).get("id")).trim();
    if (id) go(pathOf(id));
  }
  return (
    <search>
      <form className={css.opener} onSubmit={open}>
        <Field label="Command id" isLabelHidden name="id" placeholder="Command id" required spellCheck={false} />
        <Button type="submit">Open</Button>
      </form>
    </search>
  );
}

function Command({ commandId }: { commandId: string }) {
  const journey = useJourney(commandId);
  const intent = useIntent(commandId);
  const answer = useCommand(commandId, intent?.progress ?? null);
  const { known, problem, again } = answer;
  if (!journey && problem) return <Failure problem={problem} onRetry={again} />;
  if (!journey && known === undefined) return <Loading label="Looking up the command" />;
  if (!journey && known === null) return <Unknown commandId={commandId} />;
  return (
    <div className={css.command}>
      <Panel title={journey?.title ?? known?.receipt?.stream ?? "Command"}>
        <Facts commandId={commandId} journey={journey} known={known} />
        <Way journey={journey} isHere={intent !== null} answer={answer} isTableShown />
      </Panel>
      {known && known.events.length > 0 && <Story commandId={commandId} known={known} />}
    </div>
  );
}

// The subscription goes on: a command that is still to come is shown when it is there.
function Unknown({ commandId }: { commandId: string }) {
  const viewer = useViewer();
  return (
    <Panel>
      <Empty title="No such command is known">
        <p>
          No command <code className={css.id}>{commandId}</code> was accepted that you may see.{" "}
          {viewer
            ? "Refused commands leave nothing behind on the server."
            : "Whoever sent it and staff see it when they are signed in."}{" "}
          If it comes while this page is open, it is shown.
        </p>
      </Empty>
    </Panel>
  );
}

type Known = CommandAnswer["known"];

function Facts({ commandId, journey, known }: { commandId: string; journey: Journey | null; known: Known }) {
  const receipt = known?.receipt ?? journey?.receipt;
  return (
    <dl className={css.facts}>
      <div>
        <dt>Command</dt>
        <dd>
          <code className={css.id}>{commandId}</code>
        </dd>
      </div>
      {journey && (
        <div>
          <dt>Sent from here</dt>
          <dd>
            <TimeText at={journey.startedAt} isExact /> · {journey.name}
          </dd>
        </div>
      )}
      {receipt && (
        <>
          <div>
            <dt>Stored</dt>
            <dd>
              <TimeText at={receipt.acceptedAt} isExact />
            </dd>
          </div>
          <div>
            <dt>Stream</dt>
            <dd className={css.id}>
              {receipt.stream}, version {receipt.version}
            </dd>
          </div>
        </>
      )}
    </dl>
  );
}

function Story({ commandId, known }: { commandId: string; known: NonNullable<Known> }) {
  const viewer = useViewer();
  const acceptedAt = known.receipt?.acceptedAt ?? known.events[0]?.recordedAt ?? "";
  return (
    <Panel title="What followed">
      <Chain causes={causesOf([...known.events, ...known.followUps])} commandId={commandId} acceptedAt={acceptedAt} />
      {known.followUps.length === 0 && (
        <p className={css.soft}>
          {viewer
            ? "No process did anything because of it, so far."
            : "What followed is told to those who are signed in."}
        </p>
      )}
    </Panel>
  );
}

const TONES = { sent: "warn", stored: "warn", shown: "good", refused: "bad", failed: "bad" } as const;

function Own({ current }: { current: string | null }) {
  const journal = useJournal();
  return (
    <Panel title="From this browser">
      {journal.length === 0 && <p className={css.soft}>Nothing was sent from this browser yet.</p>}
      {journal.length > 0 && (
        <ol className={css.own} aria-label="Commands of this browser">
          {journal.map(({ commandId, title, startedAt, state }) => (
            <li key={commandId}>
              <Link href={pathOf(commandId)} aria-current={commandId === current ? "page" : undefined}>
                {title}
              </Link>
              <span className={css.ownNote}>
                <TimeText at={startedAt} /> <Badge tone={TONES[state]}>{state}</Badge>
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
