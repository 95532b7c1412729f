import { useEffect } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { graphql } from "../api/graphql";
import { isStaff, useViewer, type Viewer } from "../api/session";
import { Panel } from "../ui/page";
import { TimeText } from "../ui/text";
import css from "./order-page.module.css";
import { eventWords, type Order } from "./orders";

const Story = graphql(`
  query OrderStory($order: String!, $payment: String!) {
    ofOrder: events(filter: { stream: $order }, first: 100) { nodes { position commandId } }
    ofPayment: events(filter: { stream: $payment }, first: 100) { nodes { position commandId } }
  }
`);

/** The command behind each event, for staff, who may see the log. */
function useCommands({ id, payment, timeline }: Order): ReadonlyMap<string, string> {
  const isAllowed = isStaff(useViewer());
  const [{ data }, read] = useQuery({
    query: Story,
    variables: { order: `order-${id}`, payment: `payment-${payment?.id ?? "none"}` },
    pause: !isAllowed,
    requestPolicy: "network-only",
  });
  const count = timeline.length;
  useEffect(() => {
    if (isAllowed && count > 0) read();
  }, [isAllowed, count, read]);
  const commands = new Map<string, string>();
  for (const { position, commandId } of [...(data?.ofOrder.nodes ?? []), ...(data?.ofPayment.nodes ?? [])]) {
    if (commandId) commands.set(position, commandId);
  }
  return commands;
}

/** What happened to an order, the oldest first. */
export function Timeline({ order }: { order: Order }) {
  const viewer = useViewer();
  const commands = useCommands(order);
  return (
    <Panel title="Timeline">
      {order.timeline.length === 0 && <p className={css.soft}>Nothing is stored yet.</p>}
      <ol className={css.timeline} aria-label="Timeline">
        {order.timeline.map(({ event, at, position, actorId }) => {
          const command = commands.get(position);
          return (
            <li key={position} className={css.entry}>
              <span className={css.entryWhat}>
                <strong>{eventWords(event)}</strong> <code>{event}</code>
              </span>
              <span className={css.entryWhen}>
                <TimeText at={at} isExact />
                <span>{actorWords(actorId, order, viewer)}</span>
                <span>
                  {isStaff(viewer) ? (
                    <Link href={`/console/events/${position}`}>position {position}</Link>
                  ) : (
                    `position ${position}`
                  )}
                </span>
                {command && (
                  <Link href={`/flow/${command}`} aria-label={`its command, of ${event} at ${position}`}>
                    its command
                  </Link>
                )}
              </span>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

function actorWords(actorId: string | null, order: Order, viewer: Viewer | null): string {
  if (actorId === null) return "";
  if (actorId === viewer?.id) return "by you";
  if (actorId.startsWith("process/")) return `by the shop itself (${actorId.slice("process/".length)})`;
  return actorId === order.userId ? "by the customer" : "by the staff";
}
