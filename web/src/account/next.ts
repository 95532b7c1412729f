/** Pages of this server that the desk's router does not know. */
const OTHERS = ["/graphiql"];

/** Where `?next=` leads after signing in: a path of this server, or the catalogue. */
export function nextOf(search: string, origin: string): string {
  const next = new URLSearchParams(search).get("next") ?? "";
  if (!isPath(next) || !URL.canParse(next, origin)) return "/";
  // Read as a browser reads it, which leaves out tabs and takes a backslash for a slash.
  const { origin: theirs, pathname, search: query, hash } = new URL(next, origin);
  const path = `${pathname}${query}${hash}`;
  return theirs === origin && isPath(path) ? path : "/";
}

export function isOtherPage(path: string): boolean {
  return OTHERS.some((each) => path === each || path.startsWith(`${each}?`));
}

const isPath = (text: string): boolean => text.startsWith("/") && !text.startsWith("//");
