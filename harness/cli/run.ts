import { join } from "node:path";
import type { Command } from "commander";
import { chooseEngine, packageRoot } from "../engine/registry.ts";
import type { Case } from "../case/case.ts";
import { checkpointCase, defaultDecodeSteps } from "../case/checkpoint.ts";
import { casesFolder, findCases, goldenFolder, loadCases } from "../case/discover.ts";
import type { EnginePool } from "../engine/pool.ts";
import { plant } from "../selftest/faults.ts";
import { faultFolders, loadFaults } from "../engine/faults.ts";
import { planKvCache } from "../run/kv-plan.ts";
import type { RunOptions } from "../run/live.ts";
import { runText } from "../run/text.ts";
import type { ReportOptions } from "./report-options.ts";
import { PythonUnavailable } from "../setup/python.ts";
import { UsageError } from "../trace/errors.ts";
import { parseBytes, parseIds, parseRatio, parseWhole } from "./arguments.ts";
import type { JudgeOne } from "./judge-all.ts";
import { judgeAll } from "./judge-all.ts";
import { say } from "./output.ts";
import { addReportOptions } from "./report-options.ts";
import { runAny, kindOf, checkAny } from "../golden/kinds.ts";
import { computeDtypeNames, isComputeDtype } from "../trace/dtypes.ts";
import { watchCases } from "./watch.ts";

/** Token ids that stand for those of a text until it has been read. */
const noIds = [0, 0, 0, 0, 0];

interface Flags extends ReportOptions {
  readonly engine?: string;
  readonly dtype: NonNullable<RunOptions["dtype"]>;
  readonly seed: number;
  readonly limit?: number;
  readonly sites?: string[];
  readonly json?: boolean;
  readonly bail?: boolean;
  readonly checkpoint?: string;
  readonly ids?: number[];
  readonly text?: string;
  readonly chat?: boolean;
  readonly newTokens: number;
  readonly decode: number;
  readonly fault?: string;
  readonly kvBudget?: number;
  readonly start?: boolean;
  readonly watch?: boolean;
}

/** `lockstep run`: compares cases with the live reference, or with goldens when there is no Python. */
export function addRun(program: Command): void {
  const command = program
    .command("run")
    .description("run cases: the engine against the live reference, site by site")
    .argument("[case...]", "case names, patterns or case files, all when absent")
    .option("--engine <name>", "engine under test: typescript, torch:file.py:factory, cmd:<command>")
    .option("--dtype <dtype>", computeDtypeNames.join(", "), "float32")
    .option("--seed <n>", "seed of weights and inputs", parseWhole, 0)
    .option("--limit <ratio>", "largest error that passes, in noise units", parseRatio)
    .option("--sites <pattern...>", "only sites that match, * for any characters")
    .option("--checkpoint <dir>", "compare a checkpoint with real weights, on --ids")
    .option(
      "--ids <list>",
      "token ids for --checkpoint, separated by commas: a prefill of all but the last, then decode steps; of an encoder one forward",
      parseIds,
    )
    .option("--decode <n>", "decode steps of --ids or --text", parseWhole, defaultDecodeSteps)
    .option("--text <text>", "in place of --ids: compare the tokenizers, the forward, and the continuation")
    .option("--chat", "put --text into the checkpoint's chat template")
    .option("--new-tokens <n>", "tokens by which --text is continued", parseWhole, 16)
    .option("--fault <id>", "plant a known fault of an engine (lockstep selftest lists them)")
    .option("--kv-budget <bytes>", "print what a KV cache of this size holds (4GiB, 512MiB)", parseBytes)
    .option("--bail", "stop a case at its first culprit")
    .option("--json", "verdicts as JSON on stdout")
    .option("--watch", "run again what a changed case or engine file touches, until it is interrupted")
    .option("--start", "the main job: all standard cases, report in reports/");
  addReportOptions(command).action(run);
}

async function run(patterns: readonly string[], flags: Flags): Promise<void> {
  const { dtype, engine, kvBudget, json } = flags;
  if (!isComputeDtype(dtype))
    throw new UsageError(`--dtype: expected one of ${computeDtypeNames.join(", ")}, found ${String(dtype)}`);
  if (engine !== undefined) chooseEngine(engine); // refuses an unknown one before anything starts
  if (flags.watch) return watchRun(patterns, flags);
  const html = flags.html ?? (flags.start ? join(packageRoot, "reports", "index.html") : undefined);
  await judgeAll({
    cases: await chooseCases(patterns, flags),
    json,
    prepare: (pool) => chooseReference(pool, flags),
    afterEach: async (pool, testCase) => {
      if (kvBudget === undefined || !kindOf(testCase).hasValues) return;
      say(await planKvCache(pool, testCase, { engine: engine ?? testCase.engine, budget: kvBudget, dtype }));
    },
    reports: { ...flags, ...(html !== undefined && { html }) },
  });
}

/**
 * Runs, and runs again what a change touches, until Ctrl-C. @throws UsageError for options that write files or JSON:
 * each run would replace them.
 */
async function watchRun(patterns: readonly string[], flags: Flags): Promise<void> {
  const once = (["html", "markdown", "junit", "sarif", "json", "checkpoint"] as const).filter((name) => flags[name]);
  if (once.length > 0) throw new UsageError(`--watch goes without --${once.join(", --")}`);
  await watchCases({
    choose: () => chooseCases(patterns, flags),
    prepare: (pool) => chooseReference(pool, flags),
    engine: flags.engine,
  });
}

/**
 * The selected cases; with `--checkpoint` one made for it; with `--fault` the fault's own case with the fault planted.
 */
async function chooseCases(patterns: readonly string[], flags: Flags): Promise<Case[]> {
  const { fault: faultId, checkpoint, ids, text, decode } = flags;
  if (text !== undefined && (checkpoint === undefined || ids !== undefined))
    throw new UsageError(`--text needs --checkpoint and no --ids: a text is read by a checkpoint's own tokenizer`);
  if (checkpoint !== undefined)
    return [text === undefined ? checkpointCase(checkpoint, ids, decode) : checkpointCase(checkpoint, noIds)];
  if (faultId === undefined) return findCases(patterns);
  const all = await loadCases(casesFolder());
  const faults = await loadFaults(faultFolders(casesFolder()));
  const fault = faults.find(({ id }) => id === faultId);
  if (!fault)
    throw new UsageError(`unknown fault ${faultId}: expected one of ${faults.map(({ id }) => id).join(", ")}`);
  return [plant(fault, all)];
}

/** Live where Python can be had; else, for the main job, the goldens, saying so in one line. */
async function chooseReference(pool: EnginePool, flags: Flags): Promise<JudgeOne> {
  const { engine, dtype, seed, limit, sites, bail } = flags;
  try {
    await pool.reference();
  } catch (error) {
    if (!(error instanceof PythonUnavailable) || !flags.start) throw error;
    say(`setup  no live reference: ${error.message.split("\n")[0]}; comparing with the goldens instead`);
    const folder = goldenFolder();
    return (testCase) => checkAny(pool, testCase, { folder });
  }
  const options = {
    dtype,
    seed,
    ...(engine && { engine }),
    ...(limit && { limit }),
    ...(sites && { sites }),
    ...(bail && { bail }),
  };
  const { checkpoint, text, chat = false, newTokens, decode: decodeSteps } = flags;
  if (checkpoint !== undefined && text !== undefined)
    return (testCase, progress) =>
      runText(
        pool,
        checkpoint,
        { text, chat, newTokens, decodeSteps },
        { ...options, engine: engine ?? testCase.engine, progress },
      );
  return (testCase, progress) => runAny(pool, testCase, { ...options, progress });
}
