/** The selection of what is shown of a case: its phase, its measure, its sites. */
import type { SiteVerdict } from "../../../verdict/site.ts";
import type { Verdict } from "../../../verdict/schema.ts";
import { isInherited, type Measure, worseSite } from "../format.ts";

/** Settings of the views of one case. `phase` "" is the worst of all phases. */
export interface Lens {
  readonly phase: string;
  readonly measure: Measure;
  readonly query: string;
  readonly failingOnly: boolean;
}

/** The lens with which a case opens. */
export const firstLens: Lens = { phase: "", measure: "accumulated", query: "", failingOnly: false };

/** All sites of a case in execution order; those that the engine does not offer follow as unknown. */
export function allSites(verdict: Verdict): SiteVerdict[] {
  const sites = verdict.sites.toSorted((left, right) => left.order - right.order);
  const known = new Set(sites.map((site) => site.site));
  const missing = verdict.coverage.unknown.filter((site) => !known.has(site));
  const last = sites.at(-1)?.order ?? -1;
  const rest = missing.map((site, position): SiteVerdict => ({
    site,
    phase: verdict.phases[0] ?? "",
    order: last + 1 + position,
    expected: null,
    status: "unknown",
    run: { status: "unknown", why: { kind: "not offered" } },
    local: null,
  }));
  return [...sites, ...rest];
}

/** True when a site is kept by the filter box and the toggle. Words are found anywhere, in any order. */
export function matches(site: SiteVerdict, { query, failingOnly, measure }: Lens): boolean {
  const fails = site.status === "fail" || (measure === "accumulated" && isInherited(site));
  if (failingOnly && !fails) return false;
  const name = site.site.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => name.includes(word));
}

/** One entry a site: of the lens's phase, or the worst of all phases. Keeps the order of `sites`. */
export function worstBySite(sites: readonly SiteVerdict[], lens: Lens): Map<string, SiteVerdict> {
  const bySite = new Map<string, SiteVerdict>();
  for (const site of sites) {
    if (lens.phase !== "" && site.phase !== lens.phase) continue;
    const other = bySite.get(site.site);
    bySite.set(site.site, other ? worseSite(other, site, lens.measure) : site);
  }
  return bySite;
}
