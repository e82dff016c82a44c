import { withoutLayer } from "../trace/site.ts";
import { decidingOf } from "../verdict/deciding.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { SiteVerdict, Unjudged } from "../verdict/site.ts";
import { some } from "../verdict/words/lists.ts";
import { unjudgedText } from "../verdict/words/why.ts";

/** Reasons that are spelled out. */
const reasonsShown = 3;

type Judged = Pick<Verdict, "sites" | "coverage">;
type Named = Pick<SiteVerdict, "site" | "phase">;

/** Sites that could not be judged for one reason. */
interface Group {
  readonly why: Unjudged;
  readonly sites: readonly Named[];
}

/**
 * Lists what could not be judged, one line for each reason. A line names whole phases where every site of theirs has
 * that reason (a capability that the engine lacks), else the kinds of sites.
 */
export function notJudgedLines(verdict: Judged): string[] {
  const groups = groupByReason(verdict);
  const lines = groups
    .slice(0, reasonsShown)
    .map(({ why, sites }) => `not judged, ${unjudgedText(why)}: ${some(namesOf(sites, verdict.sites))}`);
  const hidden = groups.slice(reasonsShown).reduce((sum, { sites }) => sum + sites.length, 0);
  if (hidden > 0) lines.push(`not judged for other reasons: ${hidden} sites, see --json or the report`);
  return lines;
}

/** Most frequent reason first. Names that are only listed as missing belong to the engine's not offering them. */
function groupByReason({ sites, coverage }: Judged): Group[] {
  const groups = new Map<string, { why: Unjudged; sites: Named[] }>();
  const add = (why: Unjudged, site: Named): void => {
    const key = JSON.stringify(why);
    const group = groups.get(key) ?? { why, sites: [] };
    group.sites.push(site);
    groups.set(key, group);
  };
  const listed = new Set<string>();
  for (const site of sites) {
    const deciding = decidingOf(site);
    if (deciding?.status !== "unknown") continue;
    add(deciding.why, site);
    listed.add(site.site);
  }
  for (const site of coverage.unknown) if (!listed.has(site)) add({ kind: "not offered" }, { site, phase: "" });
  return [...groups.values()].toSorted((left, right) => right.sites.length - left.sites.length);
}

function namesOf(group: readonly Named[], sites: readonly SiteVerdict[]): string[] {
  const total = Map.groupBy(sites, ({ phase }) => phase);
  const byPhase = Map.groupBy(group, ({ phase }) => phase);
  const isWhole = [...byPhase].every(([phase, members]) => total.get(phase)?.length === members.length);
  const hasOthers = sites.length > group.length;
  if (isWhole && hasOthers) return [...byPhase].map(([phase, members]) => `${phase} (${members.length} sites)`);
  return [...new Set(group.map(({ site }) => withoutLayer(site)))];
}
