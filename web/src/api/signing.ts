import { client, onTokenRefused, type Problem, problemOf, subscribe } from "./client";
import { connection } from "./connection";
import { Answer, graphql, type ResultOf, ViewerParts } from "./graphql";
import { beginSession, EXPIRED, endSession, getSession, type Session, watchSession } from "./session";

const LogIn = graphql(
  `mutation LogIn($input: LogInInput!) {
    logIn(input: $input) { ...Answer token expiresAt user { ...ViewerParts } }
  }`,
  [Answer, ViewerParts],
);
const Refresh = graphql(`mutation Refresh { refreshToken(input: {}) { token expiresAt } }`);
const Me = graphql(`query Me { me { ...ViewerParts } }`, [ViewerParts]);

/** Nothing when it worked, else why it did not. */
export async function signIn(email: string, password: string): Promise<Problem | null> {
  const { data, error } = await client.mutation(LogIn, { input: { email, password } }).toPromise();
  if (error) return problemOf(error);
  const answer = data?.logIn;
  const refusal = answer?.errors[0];
  if (refusal) return { code: refusal.code, message: refusal.message };
  if (!answer?.token || !answer.expiresAt) return { code: "INTERNAL", message: "The answer held no token." };
  const viewer = answer.user ?? (await whoHolds(answer.token));
  if (!viewer) return { code: "STALE_READ", message: "The account is not to be seen yet. Try again in a moment." };
  beginSession({ token: answer.token, expiresAt: answer.expiresAt, viewer });
  return null;
}

/** The sign-in gives no user while the projection of users is slow: then the user as they were before is good enough. */
async function whoHolds(token: string): Promise<ResultOf<typeof ViewerParts> | null> {
  const context = { fetchOptions: { headers: { authorization: `Bearer ${token}` } } };
  return (await client.query(Me, {}, context).toPromise()).data?.me ?? null;
}

export function signOut(): void {
  endSession();
}

// ---------------------------------------------------------------- staying signed in

const TRY_AGAIN_MS = 15_000;
let timer: ReturnType<typeof setTimeout> | undefined;
let watched: string | null = null;

function plan(): void {
  const session = getSession();
  if (session?.token === watched) return;
  watched = session?.token ?? null;
  arm();
}

function arm(): void {
  const session = getSession();
  clearTimeout(timer);
  if (session) timer = setTimeout(renew, untilRenewal(session));
}

// Ten minutes before the end, or after four fifths of a short life. A timer can hold no more than 24 days.
function untilRenewal(session: Session): number {
  const left = Date.parse(session.expiresAt) - Date.now();
  return Math.max(0, Math.min(2 ** 31 - 1, Math.max(left - 600_000, left * 0.8)));
}

async function renew(): Promise<void> {
  clearTimeout(timer);
  const session = getSession();
  if (!session) return;
  if (Date.parse(session.expiresAt) <= Date.now()) return endSession(EXPIRED);
  const next = await anotherToken();
  if (getSession()?.token !== session.token) return;
  if (next) return beginSession({ ...session, ...next });
  const left = Date.parse(session.expiresAt) - Date.now();
  timer = setTimeout(renew, Math.max(0, Math.min(TRY_AGAIN_MS, left)));
}

type Token = Pick<Session, "token" | "expiresAt">;

// On the socket, so that it goes on under the new token; without one, over HTTP.
function anotherToken(): Promise<Token | null> {
  if (connection.get().state !== "connected") return tokenOverHttp();
  return new Promise((resolve) => {
    let stop = () => {};
    const late = setTimeout(() => done(null), TRY_AGAIN_MS);
    const done = (token: Token | null) => {
      clearTimeout(late);
      stop();
      resolve(token);
    };
    stop = subscribe(Refresh, {}, { next: (data) => done(data.refreshToken), error: () => done(null) });
  });
}

async function tokenOverHttp(): Promise<Token | null> {
  const { data } = await client.mutation(Refresh, {}).toPromise();
  return data?.refreshToken ?? null;
}

// The token of whoever has been given another role is refused, and so is that of a suspended account.
let isChecking = false;
onTokenRefused(async () => {
  const session = getSession();
  if (!session || isChecking) return;
  isChecking = true;
  const { data, error } = await client.query(Me, {}).toPromise();
  const token = data?.me ? await tokenOverHttp() : null;
  isChecking = false;
  if (getSession()?.token !== session.token) return;
  if (data?.me && token) beginSession({ ...token, viewer: data.me });
  else if (!error || problemOf(error).code === "UNAUTHENTICATED")
    endSession("You have been signed out. Sign in again.");
});

watchSession(plan);
plan();
// A timer stands still while a device sleeps, and the life of a token does not.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") arm();
});
