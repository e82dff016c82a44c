import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { format } from "../verdict/words/ratio.ts";
import type { Measured } from "../selftest/pages/calibration.ts";
import type { GoldenRow } from "../selftest/pages/goldens.ts";
import {
  countGolden,
  describeFigures,
  isGoodEnough,
  liveFigures,
  renderGoldenSection,
  withGoldenSection,
} from "../selftest/pages/goldens.ts";
import { casesFolder, goldenFolder, loadCases } from "../case/discover.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool } from "../engine/pool.ts";
import { faultFolders, loadFaults, selectFaults } from "../engine/faults.ts";
import { measureAgainstGoldens, planGoldenRuns, plantAgainstGoldens } from "../selftest/goldens.ts";
import { healthyFolders, loadHealthy } from "../selftest/healthy.ts";
import { PythonUnavailable } from "../setup/python.ts";
import { exitCodes } from "../trace/errors.ts";
import { say, status } from "./output.ts";

/**
 * `lockstep selftest --golden`: plants the faults and checks them against goldens, then engines that are right. Sets
 * the exit code.
 */
export async function selftestGoldens(
  names: readonly string[],
  { page, write, numbers }: { page: string; write: boolean; numbers?: readonly [number, number] | undefined },
): Promise<void> {
  const cases = await loadCases(casesFolder());
  const faults = selectFaults(await loadFaults(faultFolders(casesFolder())), names);
  const setting = { folder: goldenFolder(), ...(numbers && { numbers }) };
  const pool = createPool({ report: say });
  const rows: GoldenRow[] = [];
  const healthy: Measured[] = [];
  try {
    for await (const row of plantAgainstGoldens(pool, { faults, cases }, setting)) {
      rows.push(row);
      status(`${rows.length}/${faults.length}  ${row.id}`);
      if (row.located !== "exact") say(line(row));
    }
    const reference = await nameOfReference(pool);
    const runs = planGoldenRuns(
      { cases, variants: await loadHealthy(healthyFolders(casesFolder())) },
      { ...setting, reference },
    );
    for await (const one of measureAgainstGoldens(pool, runs, setting)) {
      healthy.push(one);
      status(`${healthy.length}/${runs.length}  ${one.variant}  ${one.case}`);
      if (one.alarm !== null) say(`ALARM  ${one.variant}  ${one.case}: ${one.alarm}`);
    }
  } finally {
    status(null);
    await pool.close();
  }
  const [figures, old] = [countGolden(rows), existsSync(page) ? readFileSync(page, "utf8") : ""];
  const live = liveFigures(old);
  if (write) writeFileSync(page, withGoldenSection(old, renderGoldenSection(rows, healthy, live)));
  const [alarms, worst] = [healthy.filter(({ alarm }) => alarm !== null), healthy.map((one) => one.accumulated)];
  say(`goldens   ${describeFigures(figures)}`);
  if (live) say(`live      ${describeFigures(live)}, when docs/selftest.md was written`);
  say(
    `healthy   ${alarms.length} false alarms in ${healthy.length} runs, worst ratio ${format(Math.max(0, ...worst))}x noise`,
  );
  process.exitCode = isGoodEnough(figures, healthy) ? exitCodes.pass : exitCodes.mismatch;
}

/**
 * The reference as `--engine` names it; null, said in one line, where there is no Python: then only the cases' own
 * engine is checked.
 */
async function nameOfReference(pool: EnginePool): Promise<string | null> {
  try {
    return (await pool.reference()).hello.name;
  } catch (error) {
    if (!(error instanceof PythonUnavailable)) throw error;
    say("setup  no Python: of engines that are right, only the cases' own is checked");
    return null;
  }
}

function line({ located, category, id, where, at, worst }: GoldenRow): string {
  const label = { exact: "exact ", parent: "parent", wrong: "WRONG ", undetected: "MISSED" }[located];
  const what = located === "undetected" && where === "" ? `no site above ${format(worst)}x noise` : where;
  return `${label} ${category.padEnd(22)} ${id.padEnd(34)} ${what}   expected ${at}`;
}
