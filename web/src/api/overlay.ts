import { type Effect, type Intent, type IntentState, isUnderWay, type Row } from "./intent";
import { hasReached, type Position } from "./positions";

export interface RowState {
  state: IntentState;
  intent: Intent;
}

export interface Overlaid<T> {
  rows: ReadonlyMap<string, T>;
  states: ReadonlyMap<string, RowState>;
  /** Own writes that are stored and that this view does not show yet. */
  behind: number;
}

/** The rows of a view with one's own writes over them that it does not show yet. */
export function overlay<T extends Row>(
  name: string,
  view: { rows: ReadonlyMap<string, T>; position: Position | null },
  intents: readonly Intent[],
): Overlaid<T> {
  const states = new Map<string, RowState>();
  let rows: Map<string, T> | null = null;
  let behind = 0;
  for (const intent of [...intents].reverse()) {
    for (const effect of intent.effects) {
      if (effect.view !== name) continue;
      const { id } = effect;
      const row = rows ? rows.get(id) : view.rows.get(id);
      const isShownOver = isOpen(intent, view.position, row);
      if (isShownOver) {
        const next = under(effect, row);
        if (intent.state === "stored") behind += 1;
        if (next && next !== row) {
          rows ??= new Map(view.rows);
          rows.set(id, next);
        }
      }
      // Another view may not have it yet; this one has.
      const state = intent.state === "stored" && !isShownOver ? "shown" : intent.state;
      if (isUnderWay({ state }) || intent.isFresh || state === "failed") states.set(id, { state, intent });
    }
  }
  return { rows: rows ?? view.rows, states, behind };
}

function under<T extends Row>({ made, changed }: Effect, row: T | undefined): T | undefined {
  if (!row) return made as T | undefined;
  return changed ? { ...row, ...changed } : row;
}

function isOpen(intent: Intent, position: Position | null, row: Row | undefined): boolean {
  const { receipt, state } = intent;
  if (state === "refused" || (state === "failed" && !intent.canRetry)) return false;
  if (!receipt) return true;
  // A view that hears of it tells so before it shows the row; one that shows none of it never will.
  if (state === "shown" && !row && !intent.isFresh) return false;
  return !hasReached(position, receipt.position) && !hasReached(row?.position ?? null, receipt.position);
}
