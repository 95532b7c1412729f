import { graphql } from "./graphql";
import { isStaff, useViewer } from "./session";
import { useLive } from "./views";

const Lags = graphql(`subscription Lags { projections { name lagEvents deadLetters } }`);

function useLags() {
  const viewer = useViewer();
  return useLive(Lags, isStaff(viewer) ? {} : null, (data) => data.projections).value ?? [];
}

/** How many events a projection is behind the log; 0 for those who may not know. */
export function useLag(name: string): number {
  return useLags().find((projection) => projection.name === name)?.lagEvents ?? 0;
}

/** How many events processes have set aside; 0 for those who may not know. */
export function useDeadLetterCount(): number {
  return useLags().reduce((count, { deadLetters }) => count + deadLetters, 0);
}
