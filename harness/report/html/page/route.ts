/** The place in the report as the URL's fragment, so that a link or the back button finds it again. */
import { useEffect, useState } from "preact/hooks";

/** `caseIndex` null is the list. `site` and `phase` are the selection of a case, "" for none. */
export interface Route {
  readonly caseIndex: number | null;
  readonly phase: string;
  readonly site: string;
}

/** Reads `#/3/prefill/model.norm:out`. */
export function parseRoute(fragment: string): Route {
  const [, index = "", phase = "", ...site] = fragment.replace(/^#/, "").split("/");
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return "";
    }
  };
  const caseIndex = /^\d+$/.test(index) ? Number(index) : null;
  return { caseIndex, phase: decode(phase), site: decode(site.join("/")) };
}

/** Writes what `parseRoute` reads. */
export function formatRoute({ caseIndex, phase, site }: Route): string {
  if (caseIndex === null) return "#/";
  const tail = site === "" && phase === "" ? "" : `/${encodeURIComponent(phase)}/${encodeURIComponent(site)}`;
  return `#/${caseIndex}${tail}`;
}

/** Fragment of a case without a selection. */
export function caseLink(caseIndex: number): string {
  return formatRoute({ caseIndex, phase: "", site: "" });
}

/** The current route, and a way to replace it without a new entry in the browser's history. */
export function useRoute(initial: Route): [Route, (route: Route) => void] {
  const [route, setRoute] = useState<Route>(() => (location.hash.length > 2 ? parseRoute(location.hash) : initial));
  useEffect(() => {
    const follow = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const replace = (next: Route): void => {
    history.replaceState(null, "", formatRoute(next));
    setRoute(next);
  };
  return [route, replace];
}
