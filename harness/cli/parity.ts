import { join } from "node:path";
import type { Command } from "commander";
import type { Verdict } from "../verdict/schema.ts";
import { chooseEngine, packageRoot } from "../engine/registry.ts";
import { renderParity } from "../report/parity.ts";
import type { Case } from "../case/case.ts";
import { findCases } from "../case/discover.ts";
import type { RunOptions } from "../run/live.ts";
import { runCase } from "../run/live.ts";
import type { ReportOptions } from "./report-options.ts";
import { writeReport } from "../report/files.ts";
import { UsageError } from "../trace/errors.ts";
import { judgeAll } from "./judge-all.ts";
import { say } from "./output.ts";
import { addReportOptions } from "./report-options.ts";
import { readVerdicts } from "./verdict-file.ts";
import { kindOf } from "../golden/kinds.ts";
import { computeDtypeNames, isComputeDtype } from "../trace/dtypes.ts";

type Dtype = NonNullable<RunOptions["dtype"]>;

interface Flags extends ReportOptions {
  readonly engine?: string;
  readonly dtypes: string[];
  readonly add?: string[];
  readonly out: string;
}

/** `lockstep parity`: runs the cases in several dtypes and writes the table that people link to. */
export function addParity(program: Command): void {
  const command = program
    .command("parity")
    .description("run the cases in several dtypes and write the parity table")
    .argument("[case...]", "case names, patterns or case files, all when absent")
    .option("--engine <name>", "engine under test")
    .option("--dtypes <dtype...>", "dtypes to run in", [...computeDtypeNames])
    .option("--add <file...>", "verdicts of other runs (lockstep run --json) that belong into the table")
    .option("--out <file>", "where the table goes", join(packageRoot, "reports", "parity.md"));
  addReportOptions(command).action(parity);
}

async function parity(patterns: readonly string[], flags: Flags): Promise<void> {
  const { dtypes, engine, add = [], out } = flags;
  const wrong = dtypes.find((dtype) => !isComputeDtype(dtype));
  if (wrong !== undefined) throw new UsageError(`--dtypes: expected ${computeDtypeNames.join(", ")}, found ${wrong}`);
  if (engine !== undefined) chooseEngine(engine); // refuses an unknown one before anything starts
  const added = add.flatMap(readVerdicts);
  const cases = (await findCases(patterns)).filter((one) => kindOf(one).hasValues && one.expect === "pass");
  // One case object a run: the judge is told nothing but the case.
  const runs = new Map<Case, Dtype>((dtypes as Dtype[]).flatMap((dtype) => cases.map((one) => [{ ...one }, dtype])));
  const verdicts: Verdict[] = [];
  await judgeAll({
    cases: [...runs.keys()],
    json: undefined,
    prepare: (pool) => async (one, progress) => {
      const options = { dtype: runs.get(one)!, progress, ...(engine && { engine }) };
      const verdict = await runCase(pool, one, options);
      verdicts.push(verdict);
      return verdict;
    },
    reports: flags,
  });
  const table = renderParity([...verdicts, ...added], "npx lockstep parity");
  say(`parity ${writeReport(out, table)}`);
}
