import { useViewer } from "../api/session";
import { Button } from "../ui/button";
import { isDetained, putBack, useControls } from "./controls";
import css from "./learn.module.css";
import { labelOf } from "./projections";

/** Says on each page that projections were left slowed or paused: who does not know takes it for a fault. */
export function DetainedBanner() {
  const { list } = useControls();
  const viewer = useViewer();
  const detained = list?.filter(isDetained) ?? [];
  return (
    <div role="status" aria-label="Demo" className={css.bannerRegion}>
      {list && detained.length > 0 && (
        <div className={css.banner}>
          <p>
            <strong>Late on purpose.</strong>{" "}
            {detained
              .map(({ name, isPaused, delayMs }) => `${labelOf(name)}: ${isPaused ? "paused" : `${delayMs / 1_000} s`}`)
              .join(" · ")}
          </p>
          {viewer && (
            <Button size="small" onClick={() => void putBack(list)}>
              Put everything back
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
