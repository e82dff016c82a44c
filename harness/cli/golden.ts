import type { Command } from "commander";
import { chooseEngine } from "../engine/registry.ts";
import { removeGoldens } from "../golden/format/files.ts";
import type { Case } from "../case/case.ts";
import { casesFolder, goldenFolder, loadCases } from "../case/discover.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool } from "../engine/pool.ts";
import { findObsolete, goldenCases, recordCase, updateGoldens } from "../golden/update.ts";
import type { ReportOptions } from "./report-options.ts";
import { exitCodes } from "../trace/errors.ts";
import { addGoldenDiff } from "./golden-diff.ts";
import { judgeAll } from "./judge-all.ts";
import { say, status } from "./output.ts";
import { addReportOptions } from "./report-options.ts";
import { checkAny } from "../golden/kinds.ts";

interface CheckFlags extends ReportOptions {
  readonly engine?: string;
  readonly json?: boolean;
  readonly update?: boolean;
}

/** `lockstep golden record | check | update | diff | prune`. */
export function addGolden(program: Command): void {
  const golden = program.command("golden").description("recorded references: check an engine without Python");
  const verb = (name: string, description: string): Command =>
    golden.command(name).description(description).argument("[case...]", "case names or patterns, all when absent");
  verb("record", "record the reference's traces as sketches in golden/").action(async (patterns: string[]) => {
    const cases = goldenCases(await loadCases(casesFolder()), patterns);
    await withPool(async (pool) => {
      for (const testCase of cases) {
        status(testCase.name);
        say(`recorded ${await recordCase(pool, testCase, goldenFolder())}   ${testCase.name}`);
      }
    });
  });
  verb("update", "record the goldens that are missing or stale").action(async (patterns: string[]) =>
    update(goldenCases(await loadCases(casesFolder()), patterns)),
  );
  const check = verb("check", "compare engines with the goldens")
    .option("--engine <name>", "engine under test")
    .option("-u, --update", "first record the goldens that are missing or stale; needs Python")
    .option("--json", "verdicts as JSON on stdout");
  addReportOptions(check).action(async (patterns: string[], flags: CheckFlags) => {
    if (flags.engine !== undefined) chooseEngine(flags.engine); // refuses an unknown one before anything starts
    const options = { folder: goldenFolder(), ...(flags.engine && { engine: flags.engine }) };
    const all = await loadCases(casesFolder());
    const cases = goldenCases(all, patterns);
    if (flags.update) await update(cases);
    await judgeAll({
      cases,
      json: flags.json,
      prepare: (pool) => (testCase) => checkAny(pool, testCase, options),
      reports: flags,
    });
    if (patterns.length === 0) refuseObsolete(all);
  });
  addGoldenDiff(golden);
  golden
    .command("prune")
    .description("remove goldens that no case has")
    .option("--dry-run", "only say which")
    .action(async ({ dryRun = false }: { dryRun?: boolean }) => {
      const obsolete = findObsolete(goldenFolder(), await loadCases(casesFolder()));
      if (!dryRun) removeGoldens(goldenFolder(), obsolete);
      for (const { file } of obsolete) say(`${dryRun ? "obsolete" : "removed"} ${file}`);
      say(obsolete.length === 0 ? "ok   every golden is of a case" : `ok   ${obsolete.length} obsolete`);
    });
}

/** Records what is missing or stale, and says why. */
async function update(cases: readonly Case[]): Promise<void> {
  let count = 0;
  status("looking for stale goldens");
  await withPool(async (pool) => {
    for await (const { file, case: name, why } of updateGoldens(pool, cases, goldenFolder())) {
      say(`recorded ${file}   ${name}: ${why}`);
      count += 1;
    }
  });
  say(`ok   ${count} recorded, ${cases.length - count} were as they should be`);
}

/** Goldens of no case fail in CI and are pointed out elsewhere, as vitest's snapshots are. */
function refuseObsolete(cases: readonly Case[]): void {
  const obsolete = findObsolete(goldenFolder(), cases);
  for (const { file } of obsolete) say(`obsolete ${file}: no case has it; remove it with: lockstep golden prune`);
  if (obsolete.length > 0 && isContinuousIntegration() && process.exitCode === exitCodes.pass)
    process.exitCode = exitCodes.mismatch;
}

function isContinuousIntegration({ CI = "" }: NodeJS.ProcessEnv = process.env): boolean {
  return !["", "0", "false"].includes(CI);
}

async function withPool(work: (pool: EnginePool) => Promise<void>): Promise<void> {
  const pool = createPool({ report: say });
  try {
    await work(pool);
  } finally {
    status(null);
    await pool.close();
  }
}
