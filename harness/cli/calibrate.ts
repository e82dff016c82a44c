import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Distance, Verdict } from "../compare/verdict.ts";
import { packageRoot } from "../engine/registry.ts";
import type { Measured, Planted } from "../report/calibration.ts";
import { renderCalibration } from "../report/calibration.ts";
import { casesFolder, loadCases } from "../run/discover.ts";
import type { EnginePool } from "../run/engines.ts";
import { createPool } from "../run/engines.ts";
import { loadFaults, plant } from "../run/faults.ts";
import { defaultLimit, runCase } from "../run/live.ts";
import { UsageError } from "../trace/errors.ts";
import { say, status } from "./output.ts";

const dtypes = ["float32", "bfloat16", "float16"] as const;
const seeds = [0, 1, 2];

/** `lockstep calibrate`: measures the limit: healthy engines against planted faults, in all dtypes. */
export function addCalibrate(program: Command): void {
  program
    .command("calibrate")
    .description("measure the limit: healthy engines against planted faults; writes docs/calibration.md")
    .option("--engine <name...>", "healthy engines beside the cases' own", [])
    .action(async ({ engine: others }: { engine: string[] }) => {
      const pool = createPool({ report: say });
      try {
        const healthy = await measureHealthy(pool, others);
        const faults = await measureFaults(pool);
        const page = renderCalibration(healthy, faults, defaultLimit);
        writeFileSync(join(packageRoot, "docs", "calibration.md"), page);
        say(page.slice(0, page.indexOf("## Healthy runs")));
      } finally {
        await pool.close();
      }
    });
}

async function measureHealthy(pool: EnginePool, others: readonly string[]): Promise<Measured[]> {
  const cases = (await loadCases(casesFolder())).filter(({ kind }) => kind === "run");
  const runs: Measured[] = [];
  for (const engine of [undefined, ...others])
    for (const dtype of dtypes)
      for (const seed of engine === undefined ? seeds : [0])
        for (const found of cases) {
          status(`healthy ${found.name} ${dtype} seed ${seed}`);
          const verdict = await runCase(pool, found, { dtype, seed, ...(engine && { engine }) });
          if (verdict.status !== "pass")
            throw new UsageError(`${found.name} with a healthy engine ends in ${verdict.status}; mend that first`);
          runs.push({
            what: `${found.name}, ${verdict.engine.name}`,
            ...{ dtype, seed, sites: verdict.coverage.compared },
            local: Math.max(...verdict.sites.map(({ local }) => largest(local))),
            accumulated: Math.max(...verdict.sites.map(({ accumulated }) => largest(accumulated))),
          });
        }
  return runs;
}

async function measureFaults(pool: EnginePool): Promise<Planted[]> {
  const cases = await loadCases(casesFolder());
  const planted: Planted[] = [];
  for (const fault of await loadFaults(casesFolder())) {
    status(`fault ${fault.id}`);
    const found = plant(fault, cases);
    if (found.kind === "shapes") continue;
    planted.push(describe(fault.id, await runCase(pool, found)));
  }
  return planted;
}

function describe(id: string, { culprit, sites }: Verdict): Planted {
  const site = sites.find((one) => one.site === culprit?.site && one.phase === culprit.phase);
  return { id, ratio: site?.local ? largest(site.local) : null, reason: culprit?.summary ?? "not found" };
}

function largest(distance: Distance | undefined): number {
  return distance ? Math.max(distance.ratio, distance.worst_row?.ratio ?? 0, distance.worst_column?.ratio ?? 0) : 0;
}
