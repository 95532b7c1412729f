import { useLocation, useSearch } from "wouter";

/** The way to the sign-in page, which leads back here. */
export function useSignInPath(): string {
  const [path] = useLocation();
  const search = useSearch();
  const query = search ? `?${search}` : "";
  if (path === "/sign-in" || path === "/register") return `/sign-in${query}`;
  const here = `${path}${query}`;
  return here === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(here)}`;
}
