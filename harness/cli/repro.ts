import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import type { Verdict } from "../compare/verdict.ts";
import { verdict as verdictSchema } from "../compare/verdict.ts";
import type { Params } from "../engine/protocol.ts";
import { checkpointCase } from "../run/checkpoint-case.ts";
import { casesFolder, loadCases } from "../run/discover.ts";
import { createPool } from "../run/engines.ts";
import { loadFaults } from "../run/faults.ts";
import { captureSite, chooseSite, findAgain } from "../run/repro.ts";
import { writeRepro } from "../run/repro-folder.ts";
import { UsageError } from "../trace/errors.ts";
import { parseIds } from "./arguments.ts";
import { say } from "./output.ts";

interface Flags {
  readonly case?: string;
  readonly out?: string;
  readonly checkpoint?: string;
  readonly ids?: number[];
}

/** `lockstep repro`: one site of a failing verdict as a folder that needs torch and transformers alone. */
export function addRepro(program: Command): void {
  program
    .command("repro")
    .description(
      "one failing site as a folder for an issue: tensors, weights and a script that needs transformers alone",
    )
    .argument("<verdict.json>", "what lockstep run --json printed")
    .argument("[site]", "the verdict's culprit when absent")
    .option("--case <name>", "which verdict of the file, where several fail")
    .option("--out <dir>", "the folder to write, reports/repro/<case>-<site> when absent")
    .option("--checkpoint <dir>", "for a verdict of run --checkpoint: the same directory")
    .option("--ids <list>", "for a verdict of run --checkpoint: the same token ids", parseIds)
    .action(repro);
}

async function repro(file: string, site: string | undefined, flags: Flags): Promise<void> {
  const verdict = chooseVerdict(readVerdicts(file), file, flags.case);
  const wanted = chooseSite(verdict, site);
  const folder = casesFolder();
  const cases =
    flags.checkpoint === undefined ? await loadCases(folder) : [checkpointCase(flags.checkpoint, flags.ids)];
  const again = findAgain(verdict, cases, await loadFaults(folder));
  const out = flags.out ?? join("reports", "repro", fileName(`${verdict.case}-${wanted.site}`));
  const pool = createPool({ report: say });
  try {
    const { dtype, seed } = verdict;
    const options = { engine: again.engine, dtype: dtype as Params<"load">["dtype"], seed, wanted };
    const captured = await captureSite(pool, again.found, options);
    const { printed } = await writeRepro(out, { verdict, wanted, captured, report: say });
    say(`${wanted.site} in ${wanted.phase}: ${wanted.reason}\n${printed}\nwritten to ${out}`);
  } finally {
    await pool.close();
  }
}

/** @throws UsageError when the file can't be read or holds something else. */
function readVerdicts(file: string): Verdict[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: expected what lockstep run --json prints: ${(error as Error).message}`);
  }
  const parsed = z
    .array(verdictSchema)
    .min(1)
    .safeParse(Array.isArray(content) ? content : [content]);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  throw new UsageError(
    `${file} is not a verdict: expected what lockstep run --json prints; ${path.join(".") || "file"}: ${message}`,
  );
}

/** The only failing verdict, or the one that `--case` names. */
function chooseVerdict(all: readonly Verdict[], file: string, name: string | undefined): Verdict {
  const named = name === undefined ? all : all.filter((one) => one.case === name);
  if (named.length === 0) throw new UsageError(`${file} has no verdict of ${name}: expected one of ${list(all)}`);
  const failing = named.filter(({ status }) => status === "fail" || status === "error");
  if (failing.length > 1)
    throw new UsageError(`${file} has ${failing.length} failing verdicts; choose with --case: ${list(failing)}`);
  return failing[0] ?? named[0]!;
}

function list(verdicts: readonly Verdict[]): string {
  return verdicts.map((one) => one.case).join(", ");
}

function fileName(text: string): string {
  return text.replaceAll(/[^\w.-]+/g, "-");
}
