import { parseSite, withoutLayer } from "../trace/site.ts";
import { isMisshapen } from "../verdict/deciding.ts";
import type { Place, SiteVerdict } from "../verdict/site.ts";

/** A place that is wrong on its own account, with the same place in other layers and phases. */
export interface Located {
  readonly first: SiteVerdict;
  /** The other sites of this place. */
  readonly also: readonly Place[];
}

/**
 * The places that fail on their own, in execution order. Where sites were judged locally, each failing one is its own
 * culprit, since it had the engine's data to work on; the same place in other layers, calls and phases is one culprit.
 * Values that are not finite spread: where nothing fails alone before them, the first place that has them is one culprit.
 * Else, and when every local judgement passes though the run as a whole does not, the earliest failing site.
 */
export function findCulprits(sites: readonly SiteVerdict[]): Located[] {
  const failing = sites.filter(({ status }) => status === "fail").toSorted((a, b) => a.order - b.order);
  const spread = failing.findIndex(isSpread);
  const begins = spread >= 0 && !failing.slice(0, spread).some(failsAlone) ? placeOf(failing[spread]!.site) : null;
  const local = failing.filter((site) => failsAlone(site) || (isSpread(site) && placeOf(site.site) === begins));
  if (local.length === 0) return failing.slice(0, 1).map((first) => ({ first, also: [] }));
  const places = Map.groupBy(withoutFollowers(local), ({ site }) => placeOf(site));
  return [...places.values()].map(([first, ...rest]) => ({
    first: first!,
    also: rest.map(({ site, phase }) => ({ site, phase })),
  }));
}

/** The name that a place has in common over all layers, calls, output ports, and for keys and values. */
function placeOf(site: string): string {
  return withoutLayer(site)
    .replace(/@.*$/, "")
    .replace(/:out\.\d+$/, ":out")
    .replace(/^(cache\.\*)\.\w+$/, "$1");
}

/**
 * A tensor of another shape can't take the reference's place, so what follows from it in the same module, and shapes
 * that differ later, are no findings of their own.
 */
function withoutFollowers(local: readonly SiteVerdict[]): SiteVerdict[] {
  const first = local.find(isMisshapen);
  const broken = new Set<string>();
  return local.filter((site) => {
    const inside = `${site.phase}|${parseSite(site.site).module}`;
    const follows = broken.has(inside) || (isMisshapen(site) && placeOf(site.site) !== placeOf(first!.site));
    if (isMisshapen(site)) broken.add(inside);
    return !follows;
  });
}

/** True when a site fails on the data that it got. */
function failsAlone({ local }: SiteVerdict): boolean {
  return local?.status === "fail";
}

/** True when a site got values that are not finite in the engine's run alone, and does its work right on them. */
function isSpread({ local, run }: SiteVerdict): boolean {
  return local !== null && local.status !== "fail" && run?.status === "fail" && run.why.kind === "not finite";
}

/**
 * The module that a site belongs to: for `...o_proj:in` the parent `...self_attn`, since its glue made the input; else
 * the module itself.
 */
export function responsibleModule(site: string): string {
  const { module, port } = parseSite(site);
  if (port !== "in") return module;
  const dot = module.lastIndexOf(".");
  return dot < 0 ? "" : module.slice(0, dot);
}
