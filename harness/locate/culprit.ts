import { parseSite } from "../trace/site.ts";
import type { SiteVerdict } from "../compare/verdict.ts";

/** The earliest failing site in the reference's execution order, over all phases; null when none fails. */
export function firstDivergent(sites: readonly SiteVerdict[]): SiteVerdict | null {
  let first: SiteVerdict | null = null;
  for (const site of sites) if (site.status === "fail" && (!first || site.order < first.order)) first = site;
  return first;
}

/** The module that a site belongs to: for `...o_proj:in` the parent `...self_attn`, since its glue made the input; else the module itself. */
export function responsibleModule(site: string): string {
  const { module, port } = parseSite(site);
  if (port !== "in") return module;
  const dot = module.lastIndexOf(".");
  return dot < 0 ? "" : module.slice(0, dot);
}
