/** The page of a command. Those that processes send have a stroke in their id. */
export function pathOf(commandId: string): string {
  return `/flow/${encodeURIComponent(commandId)}`;
}

/** The command in the address; null on the page without one. Routes decode only what cannot be a stroke. */
export function commandIdIn(pathname: string): string | null {
  const [, , id] = pathname.split("/");
  if (!id) return null;
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
