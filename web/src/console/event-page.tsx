import { stringifyDocument } from "@urql/core";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { useQuery } from "urql";
import { Link, useParams } from "wouter";
import { problemOf } from "../api/client";
import { graphiqlLink } from "../api/graphiql-link";
import { compare } from "../api/positions";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { PageHead, Panel } from "../ui/page";
import { Empty, Failure, Loading } from "../ui/states";
import { TimeText } from "../ui/text";
import { toast } from "../ui/toasts";
import css from "./event.module.css";
import { eventsHref } from "./filter-form";
import { actorText } from "./log";
import { Payload } from "./payload";
import { type EventWithData, Neighbours, OneEvent, Story, storyOf } from "./story";
import { StoryTree } from "./story-tree";
import { useNames } from "./use-names";
import { cursorOf } from "./use-tail";

export default function EventPage() {
  const { position = "" } = useParams();
  const isPlace = /^[1-9]\d{0,17}$/.test(position);
  const variables = { id: `event_${position}` };
  const [{ data, error, fetching }, again] = useQuery({ query: OneEvent, variables, pause: !isPlace });
  const node = data?.node?.__typename === "Event" ? data.node : null;
  // Until the answer is there, the one before may still be.
  const event = node?.position === position ? node : null;
  const head = data?.events.nodes[0]?.position ?? "0";
  return (
    <>
      <PageHead
        title={event ? `${event.type} at ${position}` : `Event ${position}`}
        actions={isPlace && <Actions variables={variables} />}
      />
      {isPlace && (
        <nav aria-label="In the log" className={classes(css.steps, css.inLog)}>
          <Step position={previous(position)} rel="prev">
            Previous in the log
          </Step>
          <Step position={compare(position, head) < 0 ? next(position) : null} rel="next">
            Next in the log
          </Step>
        </nav>
      )}
      {error && <Failure problem={problemOf(error)} onRetry={() => again({ requestPolicy: "network-only" })} />}
      {fetching && !event && <Loading label="Loading the event" rows={8} />}
      {event && <Details key={event.position} event={event} />}
      {!event && !fetching && !error && (
        <Empty title="There is no event at this place">
          {isPlace && data ? `The last one of the log is at ${head}. ` : "Places are whole numbers from 1. "}
          <Link href="/console/events">To the log</Link>
        </Empty>
      )}
    </>
  );
}

const previous = (position: string) => (position === "1" ? null : String(BigInt(position) - 1n));
const next = (position: string) => String(BigInt(position) + 1n);

function Step({ position, rel, children }: { position: string | null; rel: "prev" | "next"; children: ReactNode }) {
  if (position === null) return null;
  return (
    <Link href={`/console/events/${position}`} rel={rel} className={css.step}>
      {rel === "prev" && <span aria-hidden="true">← </span>}
      {children}
      {rel === "next" && <span aria-hidden="true"> →</span>}
    </Link>
  );
}

function Actions({ variables }: { variables: { id: string } }) {
  async function copy() {
    const text = `${stringifyDocument(OneEvent)}\n# variables: ${JSON.stringify(variables)}\n`;
    await navigator.clipboard.writeText(text);
    toast({ tone: "good", text: "Copied as GraphQL" });
  }
  return (
    <>
      {/* Pages without TLS have no clipboard, but those of this machine. */}
      {"clipboard" in navigator && <Button onClick={() => void copy()}>Copy as GraphQL</Button>}
      <a href={graphiqlLink(OneEvent, variables)} className={css.open}>
        Open in GraphiQL
      </a>
    </>
  );
}

function Details({ event }: { event: EventWithData }) {
  const { position, stream, version, recordedAt, commandId, correlationId, causationId, id } = event;
  const neighbours = useNeighbours(event);
  const cause = causationId?.replace(/^event_/, "");
  return (
    <div className={css.columns}>
      <div className={css.column}>
        <Panel title="Event">
          <dl className={css.fields}>
            <Fact name="Type">{event.type}</Fact>
            <Fact name="Id">{id}</Fact>
            <Fact name="Position">{position}</Fact>
            <Fact name="Stream" more={<Link href={eventsHref({ stream })}>Whole stream</Link>}>
              {stream}
            </Fact>
            <Fact name="Version">{version}</Fact>
            <Fact name="Stored">
              <TimeText at={recordedAt} isExact />
            </Fact>
            <Fact name="Who">
              <Actor event={event} />
            </Fact>
            <Fact
              name="Command"
              more={commandId && <Link href={`/flow/${encodeURIComponent(commandId)}`}>Way of the command</Link>}
            >
              {commandId ?? "—"}
            </Fact>
            <Fact name="Correlation" more={<Link href={eventsHref({ correlationId })}>Whole story</Link>}>
              {correlationId}
            </Fact>
            <Fact name="Causation" more={cause && <Link href={`/console/events/${cause}`}>To the cause</Link>}>
              {causationId ?? "the command came from a client"}
            </Fact>
          </dl>
          {neighbours && (
            <nav aria-label="In the stream" className={css.steps}>
              <Step position={neighbours.before} rel="prev">
                Previous in the stream
              </Step>
              <Step position={neighbours.after} rel="next">
                Next in the stream
              </Step>
            </nav>
          )}
        </Panel>
      </div>
      <div className={css.column}>
        <Panel title="Facts">
          <Payload data={event.data} name={`event-${position}.json`} />
        </Panel>
        <Panel title="What led to what">
          <StoryOf event={event} />
        </Panel>
      </div>
    </div>
  );
}

function Fact({ name, more, children }: { name: string; more?: ReactNode; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <span className={css.value}>{children}</span> {more}
      </dd>
    </>
  );
}

function Actor({ event }: { event: EventWithData }) {
  const { actorId } = event;
  const name = useNames(useMemo(() => [event], [event])).get(actorId ?? "");
  if (!name || name === actorId) return actorText(actorId);
  return (
    <>
      {name} <span className={css.soft}>{actorId}</span>
    </>
  );
}

const NONE: readonly EventWithData[] = [];

function StoryOf({ event }: { event: EventWithData }) {
  const { correlationId, position } = event;
  const [{ data, error, fetching }, again] = useQuery({ query: Story, variables: { correlationId } });
  const events = data?.events.nodes;
  const commands = useMemo(() => storyOf(events ?? []), [events]);
  const names = useNames(events ?? NONE);
  if (error) return <Failure problem={problemOf(error)} onRetry={() => again({ requestPolicy: "network-only" })} />;
  if (!events || fetching) return <Loading label="Loading what led to what" rows={3} />;
  return (
    <>
      <StoryTree commands={commands} here={position} names={names} />
      {data.events.pageInfo.hasNextPage && (
        <p className={css.soft}>
          The first {events.length} events of it. <Link href={eventsHref({ correlationId })}>All of them</Link>
        </p>
      )}
    </>
  );
}

interface Places {
  before: string | null;
  after: string | null;
}

function useNeighbours({ position, commandId, stream }: EventWithData): Places | null {
  const [cursor, setCursor] = useState<string | null>(null);
  useEffect(() => {
    let isAway = false;
    void cursorOf({ position, commandId }).then((found) => isAway || setCursor(found));
    return () => {
      isAway = true;
    };
  }, [position, commandId]);
  const variables = { stream, cursor: cursor ?? "" };
  const [{ data }] = useQuery({ query: Neighbours, variables, pause: cursor === null });
  if (!data) return null;
  return { before: data.before.nodes[0]?.position ?? null, after: data.after.nodes[0]?.position ?? null };
}
