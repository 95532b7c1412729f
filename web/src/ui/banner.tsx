import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { useSignInPath } from "../account/sign-in-path";
import { connectNow, useConnection } from "../api/connection";
import { dismissMessage, useSession } from "../api/session";
import css from "./banner.module.css";
import { Button } from "./button";

/** Seconds until a moment, counted down. Once it has come there is nothing to count, and no timer. */
export function useCountdown(until: number): number {
  const [now, setNow] = useState(() => Date.now());
  const isOver = now >= until;
  useEffect(() => {
    if (isOver) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [isOver]);
  return Math.max(0, Math.ceil((until - now) / 1000));
}

const CALM_MS = 600;

/** Says that the connection is gone and when it is tried again. What lasts only a blink is not worth a word. */
export function ConnectionBanner() {
  const connection = useConnection();
  const isAway = connection.state !== "connected";
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (!isAway) return setShown(false);
    const timer = setTimeout(() => setShown(true), CALM_MS);
    return () => clearTimeout(timer);
  }, [isAway]);
  const until = "until" in connection ? connection.until : 0;
  const seconds = useCountdown(until);
  return (
    <div role="status" aria-label="Connection" className={css.region}>
      {isShown && isAway && (
        <div className={css.banner}>
          <p>
            <strong>{connection.state === "offline" ? "No network." : "No live connection."}</strong> What you see may
            be old. {connection.state === "connecting" || seconds === 0 ? "Connecting…" : <Next seconds={seconds} />}
          </p>
          <Button size="small" onClick={connectNow} disabled={connection.state === "connecting"}>
            Connect now
          </Button>
        </div>
      )}
    </div>
  );
}

// Not read out every second.
function Next({ seconds }: { seconds: number }) {
  return (
    <span aria-hidden="true">
      Next try in {seconds} {seconds === 1 ? "second" : "seconds"}.
    </span>
  );
}

/** Says why somebody is not signed in any more. The sign-in page says it itself. */
export function SessionBanner() {
  const { message } = useSession();
  const [path] = useLocation();
  const signInPath = useSignInPath();
  return (
    <div role="status" aria-label="Session" className={css.region}>
      {message && path !== "/sign-in" && (
        <div className={css.banner}>
          <p>
            {message} <Link href={signInPath}>Sign in</Link>
          </p>
          <Button size="small" onClick={dismissMessage}>
            Dismiss
          </Button>
        </div>
      )}
    </div>
  );
}
