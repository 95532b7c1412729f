import { Provider } from "urql";
import { client } from "../api/client";
import { useViewer } from "../api/session";
import { Shell } from "./shell";

/** Everything is built anew for another viewer: nothing of the one before stays. */
export function App() {
  const viewer = useViewer();
  return (
    <Provider value={client}>
      <Shell key={`${viewer?.id} ${viewer?.role}`} />
    </Provider>
  );
}
