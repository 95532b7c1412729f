import { connection } from "../api/connection";
import { makeId } from "../api/ids";
import { type Intent, isTriedAgain, isUnderWay } from "../api/intent";
import { createStore } from "../api/store";

export type Tone = "neutral" | "good" | "warn" | "bad";

export interface ToastAction {
  label: string;
  run(): void;
}

export interface Toast {
  /** A later toast with the same key takes its place. */
  key: string;
  tone: Tone;
  text: string;
  detail?: string;
  actions: readonly ToastAction[];
  /** A page of the desk that tells more. */
  link?: { label: string; href: string };
  /** Stays until it is closed: something has to be done. */
  isSticky: boolean;
}

type Said = Omit<Partial<Toast>, "text"> & { text: string };

export const toasts = createStore<readonly Toast[]>([]);

const SHOWN_FOR_MS = 6_000;
const timers = new Map<string, ReturnType<typeof setTimeout>>();

export function toast(said: Said): void {
  const next: Toast = { key: makeId(), tone: "neutral", actions: [], isSticky: false, ...said };
  toasts.set([...toasts.get().filter((each) => each.key !== next.key), next].slice(-4));
  clearTimeout(timers.get(next.key));
  if (!next.isSticky)
    timers.set(
      next.key,
      setTimeout(() => closeToast(next.key), SHOWN_FOR_MS),
    );
}

export function closeToast(key: string): void {
  clearTimeout(timers.get(key));
  timers.delete(key);
  toasts.set(toasts.get().filter((each) => each.key !== key));
}

export function closeAllToasts(): void {
  for (const { key } of toasts.get()) closeToast(key);
}

interface Ways {
  isQuiet: boolean;
  retry(commandId: string): unknown;
  retryOnCurrent(commandId: string): unknown;
}

/** What there is to say about an intent as it is now. */
export function announceIntent(intent: Intent, { isQuiet, retry, retryOnCurrent }: Ways): void {
  const { commandId: key, title } = intent;
  const link = { label: "See how far it is", href: `/flow/${key}` };
  if (intent.isSlow && isUnderWay(intent)) {
    toast({ key, tone: "warn", text: `Still working: ${title}`, link, isSticky: true });
  } else if (intent.state === "refused") {
    const isConflict = intent.refusals.some(({ code }) => code === "CONFLICT");
    const again = { label: "Reload and retry", run: () => void retryOnCurrent(key) };
    const text = isConflict ? `Changed meanwhile: ${title}` : `Refused: ${title}`;
    const detail = isConflict
      ? "It is no longer as you saw it when you sent this."
      : intent.refusals.map(({ message }) => message).join(" ");
    toast({ key, tone: "bad", text, detail, isSticky: isConflict, actions: isConflict ? [again] : [] });
  } else if (intent.state === "failed") {
    const actions = intent.canRetry ? [{ label: "Retry", run: () => void retry(key) }] : [];
    const isAway = connection.get().state !== "connected";
    const next = isAway ? " It will be sent again once the connection is back." : " It will be sent again in a moment.";
    const detail = `${intent.problem ?? ""}${intent.canRetry && (isAway || isTriedAgain(intent)) ? next : ""}`;
    toast({ key, tone: "bad", text: `Not sent: ${title}`, detail, actions, isSticky: intent.canRetry });
  } else if (isQuiet) {
    closeToast(key);
  } else {
    const word = intent.state === "shown" ? "Done" : "Stored";
    toast({ key, tone: "good", text: `${word}: ${title}`, link: { label: "See its way", href: `/flow/${key}` } });
  }
}
