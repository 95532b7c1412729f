/** Makes GraphiQL's tabs a list of buttons of which one is current, for as long as they are there.
 *
 * It has the button that closes a tab inside of the tab, and what is inside of a tab is no button to a screen reader.
 * Gives what ends it.
 */
export function plainTabs(list: Element): () => void {
  const mend = () => {
    list.removeAttribute("role");
    for (const tab of list.querySelectorAll("[role=tab]")) tab.removeAttribute("role");
    for (const tab of list.querySelectorAll("[aria-selected]")) {
      const isCurrent = tab.getAttribute("aria-selected") === "true";
      tab.removeAttribute("aria-selected");
      tab.querySelector("button")?.setAttribute("aria-current", String(isCurrent));
    }
  };
  const observer = new MutationObserver(mend);
  observer.observe(list, { attributeFilter: ["role", "aria-selected"], childList: true, subtree: true });
  mend();
  return () => observer.disconnect();
}
