/**
 * Measures what goldens find: planted faults, and right engines that round in their own way, against recorded
 * references.
 */
import { existsSync } from "node:fs";
import { goldenPath } from "../golden/format/file.ts";
import type { Measured } from "./pages/calibration.ts";
import type { GoldenRow } from "./pages/goldens.ts";
import { measure } from "./calibrate.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import type { KnownFault } from "../engine/faults.ts";
import { locate, plant } from "./faults.ts";
import { checkGolden } from "../golden/check.ts";
import { goldenSeed } from "../golden/record.ts";
import type { HealthyRun, HealthyVariant } from "./healthy.ts";
import { defineHealthy, planHealthy } from "./healthy.ts";
import { kindOf, checkAny } from "../golden/kinds.ts";

/**
 * The folder of the goldens, and the numbers of their sketches that are used: of the first phase and of later ones, all
 * when absent.
 */
export interface GoldenSetting {
  readonly folder: string;
  readonly numbers?: readonly [first: number, later: number];
}

/** Checks the cases with faults planted. */
export async function* plantAgainstGoldens(
  pool: EnginePool,
  { faults, cases }: { readonly faults: readonly KnownFault[]; readonly cases: readonly Case[] },
  setting: GoldenSetting,
): AsyncGenerator<GoldenRow> {
  for (const fault of faults) {
    const planted = plant(fault, cases);
    const verdict = await checkAny(pool, planted, setting);
    const { id, title, category, at } = fault;
    const { culprit, error, worst } = verdict;
    const where = culprit ? `${culprit.site} in ${culprit.phase}` : (error?.message ?? "");
    yield { id, title, category, at, located: locate(fault, verdict), where, worst: worst?.ratio ?? 0 };
  }
}

/** Checks engines that are right. Each is stopped when its runs are over. */
export async function* measureAgainstGoldens(
  pool: EnginePool,
  runs: readonly HealthyRun[],
  setting: GoldenSetting,
): AsyncGenerator<Measured> {
  for (const [place, run] of runs.entries()) {
    const { engine } = run.variant;
    yield measure(run, await checkGolden(pool, run.testCase, { ...setting, ...(engine && { engine }) }));
    if (engine !== undefined && runs[place + 1]?.variant.engine !== engine) await pool.stop(engine);
  }
}

/**
 * The runs of right engines that goldens can judge: the cases' own engine and, where `reference` names one, the
 * reference as an engine in every case; then the variants in float32 on the goldens' seed.
 */
export function planGoldenRuns(
  { cases, variants }: { readonly cases: readonly Case[]; readonly variants: readonly HealthyVariant[] },
  { folder, reference }: { readonly folder: string; readonly reference: string | null },
): HealthyRun[] {
  const recorded = cases.filter(
    (testCase) => kindOf(testCase).hasValues && existsSync(goldenPath(folder, testCase.name)),
  );
  const everywhere = { cases: recorded.map(({ name }) => name), dtypes: ["float32" as const] };
  const own = defineHealthy([
    { title: "the cases' own engine", ...everywhere },
    ...(reference === null ? [] : [{ title: "the reference as the engine", engine: reference, ...everywhere }]),
  ]);
  const others = reference === null ? [] : variants.filter(({ engine }) => engine !== undefined);
  return planHealthy([...own, ...others], cases).filter(
    ({ testCase, dtype, seed }) =>
      dtype === "float32" && seed === goldenSeed && recorded.some(({ name }) => name === testCase.name),
  );
}
