import { useEffect } from "react";
import { Redirect } from "wouter";
import { Loading } from "../ui/states";
import { isOtherPage } from "./next";

/** To where somebody wanted to go before they had to sign in. */
export function Onward({ to }: { to: string }) {
  const isOther = isOtherPage(to);
  useEffect(() => {
    if (isOther) location.replace(to);
  }, [isOther, to]);
  return isOther ? <Loading /> : <Redirect to={to} replace />;
}
