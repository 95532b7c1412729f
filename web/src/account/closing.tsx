import { type FormEvent, useState } from "react";
import { Answer, graphql } from "../api/graphql";
import { type Outcome, send } from "../api/intents";
import { otherError } from "../api/refusals";
import { endSession } from "../api/session";
import { Button } from "../ui/button";
import { Actions, Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Panel } from "../ui/page";
import css from "./account.module.css";

const DeleteUser = graphql(
  `mutation DeleteUser($input: DeleteUserInput!) { deleteUser(input: $input) { ...Answer } }`,
  [Answer],
);

/** The end of an account: asked twice, as nothing brings it back. */
export function Closing({ user }: { user: { id: string; email: string } }) {
  const [isAsked, setAsked] = useState(false);
  const [typed, setTyped] = useState("");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  async function close(event: FormEvent) {
    event.preventDefault();
    const answer = await send({
      document: DeleteUser,
      title: "Your account",
      input: { userId: user.id },
      isQuiet: true,
    });
    setOutcome(answer);
    if (answer.state === "stored") endSession("Your account is closed.");
  }
  return (
    <Panel title="Close the account">
      <p className={css.soft}>Your name, address and password are erased for good. Orders stay, without a name.</p>
      <Actions>
        <Button onClick={() => setAsked(true)}>Close the account…</Button>
      </Actions>
      {isAsked && (
        <Dialog title="Close the account?" onClose={() => setAsked(false)}>
          <p>This cannot be undone. Nobody can sign in to it any more, and what is known about you is erased.</p>
          <form onSubmit={close}>
            <Field
              label={`Type ${user.email} to confirm`}
              autoComplete="off"
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
              error={otherError(outcome, [])}
            />
            <Actions>
              <Button onClick={() => setAsked(false)}>Keep it</Button>
              <Button type="submit" look="danger" disabled={typed !== user.email}>
                Close it for good
              </Button>
            </Actions>
          </form>
        </Dialog>
      )}
    </Panel>
  );
}
