import { Component, type ReactNode, useState } from "react";
import { Button } from "./button";
import css from "./states.module.css";

// What a part of the desk that is loaded when it is needed failed with: the server was gone, or has another build by now.
const unloaded = new WeakSet<object>();
window.addEventListener("vite:preloadError", ({ payload }) => {
  unloaded.add(payload);
});

interface Props {
  /** Stands over what is said instead of the part. */
  head?: ReactNode;
  /** Which part it is. Another one has another chance. */
  part?: string;
  children: ReactNode;
}

interface State {
  error: unknown;
  isBroken: boolean;
}

/** A part that cannot be loaded, or fails while it is drawn, says so in its place; the rest of the page stays. */
export class PartBoundary extends Component<Props, State> {
  override state: State = { error: null, isBroken: false };

  static getDerivedStateFromError(error: unknown): State {
    return { error, isBroken: true };
  }

  override componentDidUpdate(before: Props) {
    if (before.part !== this.props.part && this.state.isBroken) this.setState({ error: null, isBroken: false });
  }

  override render() {
    const { error, isBroken } = this.state;
    if (!isBroken) return this.props.children;
    return (
      <>
        {this.props.head}
        <Broken isUnloaded={typeof error === "object" && error !== null && unloaded.has(error)} />
      </>
    );
  }
}

function Broken({ isUnloaded }: { isUnloaded: boolean }) {
  const [isBusy, setBusy] = useState(false);
  const [tries, setTries] = useState(0);
  // The page anew: a browser may remember that a script could not be had. Not before the server is there to give it.
  async function again() {
    setBusy(true);
    const answer = await fetch("/desk.json").catch(() => null);
    if (answer?.ok) return location.reload();
    setTries(tries + 1);
    setBusy(false);
  }
  return (
    <div className={css.state} role="alert">
      <p className={css.title}>{isUnloaded ? "This part could not be loaded" : "This part has failed"}</p>
      <p className={css.text}>
        {tries > 0
          ? `The server cannot be reached. Tried ${tries === 1 ? "once" : `${tries} times`}.`
          : isUnloaded
            ? "The server could not be reached, or has another version of the desk by now."
            : "That is a fault of the desk."}
      </p>
      <Button onClick={again} disabled={isBusy}>
        {isBusy ? "Trying…" : "Try again"}
      </Button>
    </div>
  );
}
