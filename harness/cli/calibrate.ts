import { join } from "node:path";
import type { Command } from "commander";
import { packageRoot } from "../engine/registry.ts";
import { drawCalibration } from "../selftest/pages/calibration-plot.ts";
import type { Measured, Planted } from "../selftest/pages/calibration.ts";
import { renderCalibration, renderSummaryLines, summarize } from "../selftest/pages/calibration.ts";
import { measureFaults, measureHealthy, sampleFaults } from "../selftest/calibrate.ts";
import { casesFolder, loadCases } from "../case/discover.ts";
import { createPool } from "../engine/pool.ts";
import { faultFolders, loadFaults } from "../engine/faults.ts";
import { healthyFolders, loadHealthy, planHealthy } from "../selftest/healthy.ts";
import { defaultLimit } from "../run/live.ts";
import { UsageError, exitCodes } from "../trace/errors.ts";
import { writeWhole } from "../trace/whole-file.ts";
import { say, status } from "./output.ts";

/** Faults of each category that are planted unless all are asked for. */
const faultsPerCategory = 2;

/** `lockstep calibrate`: measures the limit: healthy engines against planted faults, in all dtypes. */
export function addCalibrate(program: Command): void {
  program
    .command("calibrate")
    .description("measure the limit: healthy engines against planted faults; writes docs/calibration.md and .svg")
    .option("--all-faults", `plant every fault, not ${faultsPerCategory} of each category`)
    .action(calibrate);
}

async function calibrate({ allFaults }: { allFaults?: boolean }): Promise<void> {
  const folder = casesFolder();
  const [cases, catalogue, variants] = [
    await loadCases(folder),
    await loadFaults(faultFolders(folder)),
    await loadHealthy(healthyFolders(folder)),
  ];
  if (variants.length === 0)
    throw new UsageError(
      `${folder} holds no *.healthy.ts: expected a list of healthy engines, as a clone of lockstep has it`,
    );
  const runs = planHealthy(variants, cases);
  const faults = allFaults ? catalogue : sampleFaults(catalogue, faultsPerCategory);
  const began = Date.now();
  const pool = createPool({ report: say });
  const healthy: Measured[] = [];
  const planted: Planted[] = [];
  try {
    await pool.reference(); // without one there is nothing to measure
    for await (const run of measureHealthy(pool, runs)) {
      healthy.push(run);
      status(`healthy ${healthy.length}/${runs.length}  ${run.variant} ${run.case} ${run.dtype}`);
      if (run.alarm !== null)
        say(`FALSE ALARM  ${run.variant}  ${run.case}  ${run.dtype}  seed ${run.seed}: ${run.alarm}`);
    }
    for await (const fault of measureFaults(pool, faults, cases)) {
      planted.push(fault);
      status(`faults ${planted.length}/${faults.length}  ${fault.id}`);
      if (!fault.found) say(`MISSED  ${fault.id}`);
    }
  } finally {
    status(null);
    await pool.close();
  }
  const missing = variants.flatMap(({ title, missing: why }) => (why === undefined ? [] : [{ title, missing: why }]));
  const all = { healthy, faults: planted, catalogue: catalogue.length, limit: defaultLimit, missing };
  write("calibration.md", renderCalibration(all));
  write("calibration.svg", drawCalibration(all));
  say(
    `${renderSummaryLines(all).join("\n")}\nwritten to docs/calibration.md and docs/calibration.svg   ${Math.round((Date.now() - began) / 1000)} s`,
  );
  const { alarms, missed } = summarize(all);
  process.exitCode = alarms.length + missed.length === 0 ? exitCodes.pass : exitCodes.mismatch;
}

function write(name: string, content: string): void {
  writeWhole(join(packageRoot, "docs", name), content);
}
