import { navigate } from "wouter/use-browser-location";
import { getMessage, getSession, watchSession } from "../api/session";

// Whoever is signed out without having wished it is led to the sign-in, and from there back to where they were.
let wasSignedIn = getSession() !== null;
watchSession(() => {
  const isSignedIn = getSession() !== null;
  if (wasSignedIn && !isSignedIn && getMessage() !== null && !location.pathname.startsWith("/sign-in")) {
    navigate(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  wasSignedIn = isSignedIn;
});
