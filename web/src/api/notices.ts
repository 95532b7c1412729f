import { toast } from "../ui/toasts";

// Several views come back at the same time: one sentence for all of them.
const TOGETHER_MS = 400;
let changes = 0;
let isAfresh = false;
let timer: ReturnType<typeof setTimeout> | undefined;

/** A view that was cut off is current again. */
export function caughtUp(count: number): void {
  changes += count;
  soon();
}

/** A view was away for too long to be told what it missed. */
export function readAfresh(): void {
  isAfresh = true;
  soon();
}

function soon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    toast({ tone: "good", text: sentence() });
    changes = 0;
    isAfresh = false;
  }, TOGETHER_MS);
}

function sentence(): string {
  if (isAfresh) return "Connected again. The lists were read afresh.";
  if (changes === 0) return "Connected again. Nothing had changed.";
  return `Connected again. ${changes} ${changes === 1 ? "change" : "changes"} caught up.`;
}
