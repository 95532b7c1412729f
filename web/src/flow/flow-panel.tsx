import { Link } from "wouter";
import { useIntents } from "../api/intents";
import { useViewer } from "../api/session";
import { Panel } from "../ui/page";
import { Empty } from "../ui/states";
import css from "./flow.module.css";
import { useJournal } from "./journal";
import { pathOf } from "./paths";
import { useCommand } from "./use-command";
import { Way } from "./way";

/** The newest command of this browser, on its way. */
export default function FlowPanel() {
  const journey = useJournal()[0] ?? null;
  const intent = useIntents().find(({ commandId }) => commandId === journey?.commandId) ?? null;
  const viewer = useViewer();
  // There is nothing to ask about what was not answered, unless it was in a page that is no more.
  const isAsked = journey !== null && (intent ? intent.receipt !== null : journey.state !== "refused");
  const answer = useCommand(isAsked ? journey.commandId : null, intent?.progress ?? null);
  if (!journey) {
    return (
      <Panel title="Last command">
        <Empty title="Nothing sent yet">
          {viewer
            ? "Change something, and its way is drawn here: to the log, through the projections, back to this page."
            : "Sign in and change something: its way is drawn here, on measured times."}
        </Empty>
      </Panel>
    );
  }
  return (
    <Panel title="Last command" actions={<Link href={pathOf(journey.commandId)}>Open</Link>}>
      <p className={css.title}>{journey.title}</p>
      <Way journey={journey} isHere={intent !== null} answer={answer} />
    </Panel>
  );
}
