import { useEffect, useState } from "react";
import { client } from "../api/client";
import { type LoggedEvent, People } from "./log";

const AT_ONCE = 100;

/** The names of those who did it, by their ids, as far as they are users. */
export function useNames(events: readonly LoggedEvent[]): ReadonlyMap<string, string> {
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    if (isAsking) return;
    const unknown = new Set<string>();
    for (const { actorId } of events) {
      if (actorId !== null && !actorId.includes("/") && !names.has(actorId)) unknown.add(actorId);
      if (unknown.size === AT_ONCE) break;
    }
    if (unknown.size === 0) return;
    setAsking(true);
    void client
      .query(People, { ids: [...unknown] })
      .toPromise()
      .then(({ data }) => {
        const found = new Map(data?.users.nodes.map((user) => [user.id, user]));
        const nameOf = (id: string) => {
          const user = found.get(id);
          return user ? `${user.firstName} ${user.lastName}`.trim() || user.email || id : id;
        };
        // Who is not found keeps their id, and is not asked for again.
        setNames((before) => new Map([...before, ...[...unknown].map((id) => [id, nameOf(id)] as const)]));
        setAsking(false);
      });
  }, [events, names, isAsking]);
  return names;
}
