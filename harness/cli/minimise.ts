import { join, relative } from "node:path";
import type { Command } from "commander";
import type { Verdict } from "../verdict/schema.ts";
import type { Case } from "../case/case.ts";
import { writeCaseFile } from "../case/case-file.ts";
import { checkpointCase } from "../case/checkpoint.ts";
import { casesFolder, loadCaseFile, loadCases } from "../case/discover.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool } from "../engine/pool.ts";
import { failureOf, sameCause, sameFailure } from "../minimise/failure.ts";
import { faultFolders, loadFaults } from "../engine/faults.ts";
import type { RunOptions } from "../run/live.ts";
import { defaultLimit, runCase } from "../run/live.ts";
import type { Size, SmallestCase } from "../minimise/minimise.ts";
import { checkMinimisable, explainSeconds, minimiseCase } from "../minimise/minimise.ts";
import { permittedEngine } from "../engine/trust.ts";
import { findAgain } from "../repro/capture.ts";
import { UsageError } from "../trace/errors.ts";
import { parseIds, parseRatio } from "./arguments.ts";
import { say, status } from "./output.ts";
import { addPermission, chooseVerdict, computeDtypeOf, readVerdicts, sayStart } from "./verdict-file.ts";
import { culpritText } from "../verdict/words/culprit.ts";

interface Flags {
  readonly case?: string;
  readonly file?: string;
  readonly out?: string;
  readonly seconds: number;
  readonly checkpoint?: string;
  readonly ids?: number[];
  readonly engine?: string;
  readonly trust?: boolean;
}

/** `lockstep minimise`: the smallest case that still fails in the same way, as a case file. */
export function addMinimise(program: Command): void {
  const command = program
    .command("minimise")
    .alias("minimize")
    .description("the smallest case that still fails in the same way as a failing verdict, as a case file")
    .argument("<verdict.json>", "what lockstep run --json printed")
    .option("--case <name>", "which verdict of the file, where several fail")
    .option("--seconds <n>", "time for the search", parseRatio, 120)
    .option("--out <file>", "the case file to write, reports/minimised/<case>.case.ts when absent")
    .option("--file <case.ts>", "for a verdict of a case file: the same file")
    .option("--checkpoint <dir>", "for a verdict of run --checkpoint: the same directory")
    .option("--ids <list>", "for a verdict of run --checkpoint: the same token ids", parseIds);
  addPermission(command).action(minimiseVerdict);
}

async function minimiseVerdict(file: string, flags: Flags): Promise<void> {
  const verdict = chooseVerdict(readVerdicts(file), file, flags.case);
  checkMinimisable(verdict);
  computeDtypeOf(verdict, file);
  const { testCase, engine } = await findCase(verdict, file, flags);
  sayStart(engine);
  const out = flags.out ?? join("reports", "minimised", `${fileName(testCase)}.case.ts`);
  if (!/\.[tj]s$/.test(out)) throw new UsageError(`--out: expected a .ts file, found ${out}`);
  const pool = createPool({ report: say });
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(0)} s`;
  try {
    const smallest = await minimiseCase(pool, {
      ...{ testCase, engine, verdict, seconds: flags.seconds },
      progress({ what }, accepted, size) {
        if (accepted) say(`${seconds().padStart(5)}  ${what.padEnd(44)} ${sizeText(size)}`);
        else status(`${seconds().padStart(5)}  not ${what}`);
      },
    });
    const again = commandFor(out, verdict, smallest);
    const { before, after, tried, done } = smallest;
    const name = `minimised/${fileName(testCase)}`;
    const title = `${verdict.case}, minimised: ${verdict.culprit?.site ?? "the engine breaks"}`;
    const comment = [
      `The smallest case that fails as ${verdict.case} does${testCase.faultId ? ` with the planted fault ${testCase.faultId}` : ""}: ${sizeText(after)}.`,
      `${verdict.culprit?.site ?? verdict.error?.message.split("\n")[0]}: ${verdict.culprit ? culpritText(verdict.culprit) : "the engine broke"}.`,
      `Written by lockstep minimise; run it with: ${again}`,
    ];
    const written = writeCaseFile(out, {
      testCase: { ...smallest.testCase, name, title },
      inputs: smallest.inputs,
      comment,
    });
    await checkFile(pool, out, { verdict, smallest, dtype: computeDtypeOf(verdict, file) });
    say(`before  ${sizeText(before)}\nafter   ${sizeText(after)}`);
    say(`        ${tried} smaller ones run in ${seconds()}${done ? "" : "; the time was up, --seconds gives it more"}`);
    say(`wrote   ${written.map(shown).join(", ")}\nrun     ${again}`);
  } finally {
    status(null);
    await pool.close();
  }
}

async function findCase(verdict: Verdict, file: string, flags: Flags): Promise<{ testCase: Case; engine: string }> {
  const folder = casesFolder();
  const permission = { file, typed: flags.engine, trust: flags.trust };
  if (flags.file !== undefined) {
    const testCase = (await loadCaseFile(flags.file)).find(({ name }) => name === verdict.case);
    if (!testCase) throw new UsageError(`${flags.file} has no case ${verdict.case}: expected the file that was run`);
    const named = verdict.rerun?.engine ?? testCase.engine;
    return { testCase, engine: permittedEngine(named, testCase.engine, permission) };
  }
  const cases =
    flags.checkpoint === undefined ? await loadCases(folder) : [checkpointCase(flags.checkpoint, flags.ids)];
  if (verdict.case.startsWith("minimised/"))
    throw new UsageError(`${verdict.case} is the case of a file: give that with --file`);
  return findAgain(verdict, { cases, faults: await loadFaults(faultFolders(folder)) }, permission);
}

/** Runs the file as it was written. @throws UsageError when it fails in another way, which would make it worthless. */
async function checkFile(
  pool: EnginePool,
  file: string,
  {
    verdict,
    smallest,
    dtype,
  }: { readonly verdict: Verdict; readonly smallest: SmallestCase; readonly dtype: NonNullable<RunOptions["dtype"]> },
): Promise<void> {
  const [testCase] = await loadCaseFile(file);
  const { failure, seed } = smallest;
  const explain = failure.causes.length > 0 ? explainSeconds : 0;
  const again = await runCase(pool, testCase!, { dtype, seed, limit: verdict.limit, explain });
  const now = failureOf(again, testCase!.config);
  if (!sameFailure(failure, now) || !sameCause(failure, now))
    throw new UsageError(
      `${file} was written, but fails at ${again.culprit?.site ?? again.status}, not as before at ${failure.site}: the engine does not give the same numbers twice`,
    );
}

function commandFor(out: string, { dtype, limit }: Verdict, { seed }: SmallestCase): string {
  const flags = [
    ...(seed === 0 ? [] : [`--seed ${seed}`]),
    ...(dtype === "float32" ? [] : [`--dtype ${dtype}`]),
    ...(limit === defaultLimit ? [] : [`--limit ${limit}`]),
  ];
  return ["lockstep run", out, ...flags].join(" ");
}

/** `<case>-<fault>`, also of a case that has been minimised before. */
function fileName({ name, faultId }: Case): string {
  const own = name.replace(/^minimised\//, "");
  return (faultId === undefined || own.endsWith(`-${faultId}`) ? own : `${own}-${faultId}`)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_.-]/g, "-");
}

/** A path as people write it: relative to where they stand, unless it lies elsewhere. */
function shown(path: string): string {
  const own = relative("", path);
  return own.startsWith("..") ? path : own;
}

function sizeText({ phases, rows, tokens, layers, parameters }: Size): string {
  const count = (number: number, what: string): string =>
    `${number.toLocaleString("en-US")} ${what}${number === 1 ? "" : "s"}`;
  const batch = rows === 1 ? count(tokens, "token") : `${rows} x ${count(tokens, "token")}`;
  return [
    count(phases, "phase"),
    batch,
    count(layers, "layer"),
    ...(parameters === null ? [] : [count(parameters, "parameter")]),
  ].join(", ");
}
