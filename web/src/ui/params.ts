import { useCallback, useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";

/** One value that is kept in the address. "" is not there at all. */
export function useParam(name: string): [value: string, set: (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const [page] = useState(() => window.location.pathname);
  const set = useCallback(
    (value: string) => {
      // A page stays until the next one is loaded. What it has still to say must not lead back to it.
      if (window.location.pathname !== page) return;
      if ((new URLSearchParams(window.location.search).get(name) ?? "") === value) return;
      const change = (before: URLSearchParams) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      };
      setParams(change, { replace: true });
    },
    [name, page, setParams],
  );
  return [params.get(name) ?? "", set];
}

const TYPED_MS = 200;

/** The same for what is typed: the address follows once the typing pauses, and the field where the address goes. */
export function useTypedParam(name: string): [text: string, set: (text: string) => void] {
  const [kept, keep] = useParam(name);
  const [text, setText] = useState(kept);
  const written = useRef(kept);
  useEffect(() => {
    const timer = setTimeout(() => {
      written.current = text.trim();
      keep(written.current);
    }, TYPED_MS);
    return () => clearTimeout(timer);
  }, [text, keep]);
  useEffect(() => {
    if (kept === written.current) return;
    written.current = kept;
    setText(kept);
  }, [kept]);
  return [text, setText];
}
