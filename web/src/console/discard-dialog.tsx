import { useState } from "react";
import { CommandForm } from "../ui/command-form";
import { Dialog } from "../ui/dialog";
import { TextAreaField } from "../ui/field";
import { formatNumber } from "../ui/text";
import { nameOf, type Queues } from "./letters";
import type { Deeds } from "./use-deeds";

interface Props {
  queues: Queues;
  /** Whether what waits behind them is all there is. */
  isAll: boolean;
  deeds: Deeds;
  onClose(): void;
}

/** Says what is lost before it is. */
export function DiscardDialog({ queues, isAll, deeds, onClose }: Props) {
  const [isReasoned, setReasoned] = useState(false);
  const [{ first }] = queues;
  const isOne = queues.length === 1;
  const what = isOne ? nameOf(first) : `${formatNumber(queues.length)} letters`;
  return (
    <Dialog title={`Discard ${what}?`} onClose={onClose}>
      <p>
        Whatever the process <strong>{first.process}</strong> should have done upon {isOne ? "it" : "them"} stays
        undone, for good. {isOne ? "The event itself stays" : "The events themselves stay"} in the log.
      </p>
      <p>{waiting(queues, isAll)}</p>
      <CommandForm
        label={`Discard ${what}`}
        submit="Discard"
        look="danger"
        fields={["reason"]}
        isDisabled={!isReasoned}
        onSend={({ reason }) => deeds.discard(queues, reason.trim())}
        onDone={onClose}
        onCancel={onClose}
      >
        {(error) => (
          <TextAreaField
            label="Reason"
            name="reason"
            hint="It is stored in the log with your name."
            required
            onChange={(change) => setReasoned(change.target.value.trim() !== "")}
            error={error("reason")}
          />
        )}
      </CommandForm>
    </Dialog>
  );
}

function waiting(queues: Queues, isAll: boolean): string {
  const behind = queues.reduce((count, queue) => count + queue.behind.length, 0);
  const isOne = queues.length === 1;
  const of = isOne ? `of the key ${queues[0].first.key}` : "of the same keys";
  const after = isOne ? "it" : "them";
  if (behind === 0 && isAll) return `No other event ${of} waits behind ${after}.`;
  const later = `${isAll ? "" : "At least "}${formatNumber(behind)} later ${behind === 1 ? "event" : "events"} ${of}`;
  return `${later} ${behind === 1 ? "waits" : "wait"} behind ${after} and will then be acted upon.`;
}
