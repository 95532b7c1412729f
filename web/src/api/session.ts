import { createStore, useStore } from "./store";

export type Role = "CUSTOMER" | "STAFF" | "ADMIN";

export interface Viewer {
  id: string;
  email: string;
  firstName: string;
  lastName: string;
  role: Role;
}

export interface Session {
  token: string;
  expiresAt: string;
  viewer: Viewer;
}

interface State {
  session: Session | null;
  /** Why nobody is signed in any more, for the sign-in page. */
  message: string | null;
}

const KEY = "dispensary.session";

export const EXPIRED = "Your session has ended. Sign in again to go on.";

// Each tab has a session of its own, so that a customer and one of the staff can be seen side by side. A new tab begins
// with the one that was used last.
function restore(): State {
  const own = sessionStorage.getItem(KEY);
  const session = parse(own ?? localStorage.getItem(KEY));
  if (!session || Date.parse(session.expiresAt) > Date.now()) return { session, message: null };
  return { session: null, message: EXPIRED };
}

function parse(text: string | null): Session | null {
  if (!text) return null;
  try {
    return JSON.parse(text) as Session | null;
  } catch {
    return null;
  }
}

const state = createStore<State>(restore());

export const getSession = (): Session | null => state.get().session;
export const getViewer = (): Viewer | null => state.get().session?.viewer ?? null;
/** Why nobody is signed in any more; null if it was their wish. */
export const getMessage = (): string | null => state.get().message;
export const watchSession = state.subscribe;

/** Whom the server would answer otherwise: somebody else, nobody any more, or the same one with another role. */
const isSame = (one: Viewer | null, other: Viewer | null): boolean =>
  one?.id === other?.id && one?.role === other?.role;

/** Called when another viewer takes the place of the one before: what that one saw is not for the next. */
export function watchViewer(listener: (before: Viewer | null) => void): () => void {
  let seen = getViewer();
  return watchSession(() => {
    const before = seen;
    seen = getViewer();
    if (!isSame(before, seen)) listener(before);
  });
}

export function beginSession(session: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(session));
  localStorage.setItem(KEY, JSON.stringify(session));
  state.set({ session, message: null });
}

/** Nobody is signed in any more. A message says why, if it was not their wish. */
export function endSession(message: string | null = null): void {
  const ended = getSession();
  sessionStorage.setItem(KEY, "null");
  if (ended && parse(localStorage.getItem(KEY))?.viewer.id === ended.viewer.id) localStorage.removeItem(KEY);
  state.set({ session: null, message });
}

/** What is known of the viewer has changed: a name, an address. */
export function updateViewer(changes: Partial<Viewer>): void {
  const session = getSession();
  if (session) beginSession({ ...session, viewer: { ...session.viewer, ...changes } });
}

export function dismissMessage(): void {
  state.set({ ...state.get(), message: null });
}

window.addEventListener("storage", (event) => {
  const viewer = getViewer();
  if (event.key !== KEY || event.newValue !== null || !viewer) return;
  if (parse(event.oldValue)?.viewer.id === viewer.id) endSession("You signed out in another tab.");
});

/** For a page on which nobody can sign in: who does in another tab is signed in here too, unless somebody else is. */
export function followOtherTabs(): void {
  window.addEventListener("storage", (event) => {
    const session = event.key === KEY ? parse(event.newValue) : null;
    const viewer = getViewer();
    if (session && (!viewer || viewer.id === session.viewer.id)) beginSession(session);
  });
}

export const useViewer = (): Viewer | null => useStore(state).session?.viewer ?? null;
export const useSession = (): State => useStore(state);

export function isStaff(viewer: Viewer | null): boolean {
  return viewer?.role === "STAFF" || viewer?.role === "ADMIN";
}

export function isAdmin(viewer: Viewer | null): boolean {
  return viewer?.role === "ADMIN";
}

export function nameOf(viewer: Viewer): string {
  return `${viewer.firstName} ${viewer.lastName}`.trim() || viewer.email;
}
