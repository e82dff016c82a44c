import { withoutLayer } from "../trace/site.ts";
import type { SiteVerdict, Verdict } from "../verdict/schema.ts";
import { some } from "./some.ts";

/** Reasons that are spelled out. */
const reasonsShown = 3;
const notOffered = "the engine does not offer this site";

type Judged = Pick<Verdict, "sites" | "coverage">;

/**
 * What could not be judged, one line for each reason: whole phases where every site of theirs has that reason (a capability that the
 * engine lacks), else the kinds of sites.
 */
export function notJudgedLines(verdict: Judged): string[] {
  const groups = [...groupByReason(verdict)];
  const lines = groups.slice(0, reasonsShown).map(([reason, sites]) => {
    const why = reason === notOffered ? "the engine does not offer them" : reason;
    return `   not judged, ${why}: ${some(namesOf(sites, verdict.sites))}`;
  });
  const hidden = groups.slice(reasonsShown).reduce((sum, [, sites]) => sum + sites.length, 0);
  if (hidden > 0) lines.push(`   not judged for other reasons: ${hidden} sites, see --json or the report`);
  return lines;
}

type Unjudged = Pick<SiteVerdict, "site" | "phase">;

/** Most frequent reason first. Names that are only listed as missing belong to the engine's not offering them. */
function groupByReason({ sites, coverage }: Judged): Map<string, Unjudged[]> {
  const unknown = sites.filter(({ status }) => status === "unknown");
  const listed = new Set(unknown.map(({ site }) => site));
  const groups: Map<string, Unjudged[]> = Map.groupBy(unknown, ({ reason }) => reason ?? notOffered);
  const rest = coverage.unknown.filter((site) => !listed.has(site)).map((site) => ({ site, phase: "" }));
  if (rest.length > 0) groups.set(notOffered, [...(groups.get(notOffered) ?? []), ...rest]);
  return new Map([...groups].toSorted(([, left], [, right]) => right.length - left.length));
}

function namesOf(group: readonly Unjudged[], sites: readonly SiteVerdict[]): string[] {
  const total = Map.groupBy(sites, ({ phase }) => phase);
  const byPhase = Map.groupBy(group, ({ phase }) => phase);
  const isWhole = [...byPhase].every(([phase, members]) => total.get(phase)?.length === members.length);
  const hasOthers = sites.length > group.length;
  if (isWhole && hasOthers) return [...byPhase].map(([phase, members]) => `${phase} (${members.length} sites)`);
  return [...new Set(group.map(({ site }) => withoutLayer(site)))];
}
