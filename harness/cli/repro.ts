import { join } from "node:path";
import type { Command } from "commander";
import { checkpointCase } from "../case/checkpoint.ts";
import { casesFolder, loadCases } from "../case/discover.ts";
import { createPool } from "../engine/pool.ts";
import { faultFolders, loadFaults } from "../engine/faults.ts";
import { captureSite, chooseSite, findAgain } from "../repro/capture.ts";
import { writeRepro } from "../repro/folder.ts";
import { parseIds } from "./arguments.ts";
import { say } from "./output.ts";
import { addPermission, chooseVerdict, computeDtypeOf, readVerdicts, sayStart } from "./verdict-file.ts";
import { whyText } from "../verdict/words/why.ts";

interface Flags {
  readonly case?: string;
  readonly out?: string;
  readonly checkpoint?: string;
  readonly ids?: number[];
  readonly engine?: string;
  readonly trust?: boolean;
}

/** `lockstep repro`: one site of a failing verdict as a folder that needs torch and transformers alone. */
export function addRepro(program: Command): void {
  const command = program
    .command("repro")
    .description(
      "one failing site as a folder for an issue: tensors, weights and a script that needs transformers alone",
    )
    .argument("<verdict.json>", "what lockstep run --json printed")
    .argument("[site]", "the verdict's culprit when absent")
    .option("--case <name>", "which verdict of the file, where several fail")
    .option("--out <dir>", "the folder to write, reports/repro/<case>-<site> when absent")
    .option("--checkpoint <dir>", "for a verdict of run --checkpoint: the same directory")
    .option("--ids <list>", "for a verdict of run --checkpoint: the same token ids", parseIds);
  addPermission(command).action(repro);
}

async function repro(file: string, site: string | undefined, flags: Flags): Promise<void> {
  const verdict = chooseVerdict(readVerdicts(file), file, flags.case);
  const wanted = chooseSite(verdict, site);
  const folder = casesFolder();
  const cases =
    flags.checkpoint === undefined ? await loadCases(folder) : [checkpointCase(flags.checkpoint, flags.ids)];
  const dtype = computeDtypeOf(verdict, file);
  const permission = { file, typed: flags.engine, trust: flags.trust };
  const again = findAgain(verdict, { cases, faults: await loadFaults(faultFolders(folder)) }, permission);
  sayStart(again.engine);
  const out = flags.out ?? join("reports", "repro", fileName(`${verdict.case}-${wanted.site}`));
  const pool = createPool({ report: say });
  try {
    const options = { engine: again.engine, dtype, seed: verdict.seed, wanted };
    const captured = await captureSite(pool, again.testCase, options);
    const { printed } = await writeRepro(out, { verdict, wanted, captured, report: say });
    say(`${wanted.site} in ${wanted.phase}: ${whyText(wanted.why)}\n${printed}\nwritten to ${out}`);
  } finally {
    await pool.close();
  }
}

function fileName(text: string): string {
  return text.replaceAll(/[^\w.-]+/g, "-").slice(0, 120);
}
