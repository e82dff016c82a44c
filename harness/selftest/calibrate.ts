/** Measures both sides of the limit: how far healthy engines come up to it, and how far planted faults are above. */
import type { SiteVerdict } from "../verdict/site.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { Measured, Planted } from "./pages/calibration.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import type { KnownFault } from "../engine/faults.ts";
import { plant } from "./faults.ts";
import type { HealthyRun } from "./healthy.ts";
import { runCase } from "../run/live.ts";
import { kindOf } from "../golden/kinds.ts";
import { distanceOf } from "../verdict/deciding.ts";
import { placeText, culpritText } from "../verdict/words/culprit.ts";
import { largestRatio } from "../verdict/numbers.ts";

/** Runs healthy engines, each stopped when its runs are over: a loaded model is memory. */
export async function* measureHealthy(pool: EnginePool, runs: readonly HealthyRun[]): AsyncGenerator<Measured> {
  for (const [place, run] of runs.entries()) {
    const { variant, testCase, dtype, seed } = run;
    const { engine } = variant;
    yield measure(run, await runCase(pool, testCase, { dtype, seed, explain: 0, ...(engine && { engine }) }));
    if (engine !== undefined && runs[place + 1]?.variant.engine !== engine) await pool.stop(engine);
  }
}

/**
 * Measures a healthy run by its verdict. Sites that the variant is known to lack may be unknown, all others must pass.
 */
export function measure(
  { variant, testCase, dtype, seed }: Omit<HealthyRun, "found"> & { testCase: Pick<Case, "name"> },
  verdict: Verdict,
): Measured {
  const { sites, status, error, culprit } = verdict;
  const unexplained = sites.filter(
    ({ site, status: one }) => one === "unknown" && !variant.lacks.some((pattern) => fits(site, pattern)),
  );
  const judged = sites.filter(({ status: one }) => one !== "unknown");
  const bad = status === "fail" || status === "error" || judged.length === 0;
  const alarm = bad
    ? (error?.message ?? (culprit ? `${placeText(culprit)}: ${culpritText(culprit)}` : `ends in ${status}`))
    : unexplained.length > 0
      ? `${unexplained.length} sites could not be judged, such as ${unexplained[0]!.site}`
      : null;
  const locals = judged.map((site) => ({ site, ratio: localRatio(site) }));
  const worst = locals.toSorted((a, b) => b.ratio - a.ratio)[0];
  return {
    ...{ variant: variant.title, case: testCase.name, dtype, seed, alarm },
    sites: judged.length,
    unknown: sites.length - judged.length,
    local: worst?.ratio ?? 0,
    where: worst ? `${worst.site.site} in ${worst.site.phase}` : "",
    accumulated: Math.max(0, ...judged.map(({ run }) => largestRatio(distanceOf(run)))),
    ratios: locals.map(({ ratio }) => ratio),
  };
}

/** Runs the cases with faults planted. */
export async function* measureFaults(
  pool: EnginePool,
  faults: readonly KnownFault[],
  cases: readonly Case[],
): AsyncGenerator<Planted> {
  for (const fault of faults) {
    const testCase = plant(fault, cases);
    if (kindOf(testCase).hasValues) yield describe(fault, await runCase(pool, testCase, { explain: 0 }));
  }
}

function describe({ id, category }: KnownFault, { culprit, sites, status }: Verdict): Planted {
  const site = sites.find((one) => one.site === culprit?.site && one.phase === culprit.phase);
  const ratio = site && distanceOf(site.local) ? localRatio(site) : null;
  return {
    id,
    category,
    ratio,
    found: status === "fail",
    reason: culprit ? `${culprit.site}: ${culpritText(culprit)}` : "not found",
  };
}

function localRatio({ local }: Pick<SiteVerdict, "local">): number {
  return largestRatio(distanceOf(local));
}

/** Chooses so many faults of each category, evenly spread over it: always the same ones. */
export function sampleFaults(all: readonly KnownFault[], perCategory: number): KnownFault[] {
  const chosen = [...Map.groupBy(all, ({ category }) => category).values()].flatMap((own) => {
    const count = Math.min(perCategory, own.length);
    return Array.from({ length: count }, (_, index) => own[Math.floor((index * own.length) / count)]!);
  });
  return all.filter((fault) => chosen.includes(fault));
}

function fits(site: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(site);
}
