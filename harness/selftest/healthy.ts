/**
 * Engines that are known to be right, each rounding in its own way: what `lockstep calibrate` measures the limit with.
 */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { packageRoot } from "../engine/registry.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "../case/case.ts";
import { selectCases } from "../case/discover.ts";
import { computeDtypeNames } from "../trace/dtypes.ts";

const healthyVariant = z.strictObject({
  /** The difference from the reference: "sums over K in three parts". */
  title: z.string(),
  /** The engine as `--engine` takes it; the cases' own when absent. */
  engine: z.string().optional(),
  /** Names or patterns of cases, or cases made for this. */
  cases: z.array(z.union([z.string(), z.custom<Case>((value) => typeof value === "object" && value !== null)])).min(1),
  dtypes: z.array(z.enum(computeDtypeNames)).min(1),
  seeds: z.array(z.int().nonnegative()).default([0]),
  /** Sites that this engine does not offer, as patterns: the only ones that may be unknown. */
  lacks: z.array(z.string()).default([]),
  /** Says why the engine can't be run here, and what to do; absent when it can. */
  missing: z.string().optional(),
});

/** A way to compute a model that is right, and the runs that measure it. */
export type HealthyVariant = z.infer<typeof healthyVariant>;

/** One run of a healthy engine. */
export interface HealthyRun {
  readonly variant: HealthyVariant;
  readonly testCase: Case;
  readonly dtype: HealthyVariant["dtypes"][number];
  readonly seed: number;
}

/** Checks variants when they are written. @throws UsageError naming the variant and the field. */
export function defineHealthy(variants: readonly z.input<typeof healthyVariant>[]): HealthyVariant[] {
  return variants.map((variant) => {
    const parsed = healthyVariant.safeParse(variant);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "variant"}: ${issue.message}`);
    throw new UsageError(`healthy variant ${JSON.stringify(variant.title)}: ${problems.join("; ")}`);
  });
}

/** The folders of healthy engines: this repository's own, and a user's cases. */
export function healthyFolders(cases?: string): string[] {
  const own = join(packageRoot, "tests", "healthy");
  return [own, ...(cases === undefined ? [] : [cases])].filter(existsSync);
}

/**
 * Loads every `*.healthy.ts` of the folders; each exports `healthy`, made with defineHealthy. @throws UsageError for a
 * file without.
 */
export async function loadHealthy(folders: readonly string[]): Promise<HealthyVariant[]> {
  const files = folders.flatMap((folder) =>
    globSync("**/*.healthy.{ts,js}", { cwd: folder })
      .filter((file) => !file.endsWith(".d.ts"))
      .toSorted()
      .map((file) => join(folder, file)),
  );
  const all: HealthyVariant[] = [];
  for (const file of files) {
    const loaded = (await import(pathToFileURL(file).href)) as { healthy?: HealthyVariant[] };
    if (!Array.isArray(loaded.healthy))
      throw new UsageError(`${file}: expected an export \`healthy\`, an array made with defineHealthy`);
    all.push(...loaded.healthy);
  }
  return all;
}

/** All runs of the variants that can be run here, those of one engine and dtype together: loading is what costs. */
export function planHealthy(variants: readonly HealthyVariant[], cases: readonly Case[]): HealthyRun[] {
  return variants
    .filter(({ missing }) => missing === undefined)
    .flatMap((variant) => {
      const chosen = variant.cases.flatMap((one) => (typeof one === "string" ? selectCases(cases, [one]) : [one]));
      return variant.dtypes.flatMap((dtype) =>
        variant.seeds.flatMap((seed) => chosen.map((testCase) => ({ variant, testCase, dtype, seed }))),
      );
    });
}
