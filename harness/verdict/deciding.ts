/**
 * Finds the judgement of a site that decides, and what follows from it. No schema: the report's page imports this file.
 */
import type { Detail, Distance, Failed, Judgement, SiteVerdict, Why } from "./site.ts";

type Judged = Pick<SiteVerdict, "run" | "local">;

/**
 * The judgement that decides: the local one where there is one, since a step that does its work right on the data that
 * it got is right; else that of the run. Values that are not finite in the engine's run alone fail whatever the local
 * judgement says: they came from the engine's own earlier steps, so that the reference's step on them is no evidence of
 * health.
 */
export function decidingOf({ run, local }: Judged): Judgement | null {
  if (run?.status === "fail" && run.why.kind === "not finite" && local?.status !== "fail") return run;
  return local ?? run;
}

/** The status of a site by its judgements. */
export function statusOf(site: Judged): SiteVerdict["status"] {
  return decidingOf(site)?.status ?? "unknown";
}

/** A site with its status. */
export function siteOf(facts: Omit<SiteVerdict, "status">): SiteVerdict {
  const { site, phase, order, expected, broadcast, run, local } = facts;
  return { site, phase, order, expected, ...(broadcast && { broadcast }), status: statusOf(facts), run, local };
}

/** The failure that decides; null for a site that does not fail. */
export function failureOf(site: Judged): Failed | null {
  const deciding = decidingOf(site);
  return deciding?.status === "fail" ? deciding : null;
}

/** The reason why a site fails; null for one that does not. */
export function whyOf(site: Judged): Why | null {
  return failureOf(site)?.why ?? null;
}

/** The distance of a judgement; null where there was none to measure. */
export function distanceOf(judgement: Judgement | null): Distance | null {
  return judgement && judgement.status !== "unknown" ? (judgement.distance ?? null) : null;
}

/** The second look at a failing site: the deciding judgement's, else the other's. */
export function detailOf(site: Judged): Detail | null {
  const details = [decidingOf(site), site.local, site.run].map((judgement) =>
    judgement?.status === "fail" ? judgement.detail : undefined,
  );
  return details.find((detail) => detail !== undefined) ?? null;
}

/** The tie of a site that passes though the engine made another choice there, between equals; null for other sites. */
export function tieOf(site: Judged) {
  const deciding = decidingOf(site);
  return deciding?.status === "pass" ? (deciding.tie ?? null) : null;
}

/** True when an engine's tensor has another shape or dtype than the reference's, and so can't take its place. */
export function isMisshapen(site: Judged): boolean {
  return [site.local, site.run].some(
    (judgement) => judgement?.status === "fail" && (judgement.why.kind === "shape" || judgement.why.kind === "dtype"),
  );
}
