import { relative } from "node:path";
import type { Command } from "commander";
import type { Outcome } from "../night/history/store.ts";
import { renderChanges, renderNightLine, renderTable, sayCommit, sayTime } from "../night/pages/night.ts";
import { renderVerdict } from "../report/terminal.ts";
import type { NightEnd } from "../night/end.ts";
import type { NightListener, NightPlan } from "../night/night.ts";
import { runNight } from "../night/night.ts";
import { jobTitle } from "../night/plan.ts";
import { withoutPassword } from "../night/queue.ts";
import { runQueued } from "../night/redis.ts";
import { queueSecret } from "../night/signature.ts";
import type { Shard } from "../night/shards.ts";
import { parseShard } from "../night/shards.ts";
import { harmless, plainLine } from "../trace/harmless.ts";
import { UsageError, exitCodes } from "../trace/errors.ts";
import { parseRatio, parseWhole } from "./arguments.ts";
import { addFolderOption, askedFor, nightExitCode, nightFolder } from "./night-options.ts";
import { say, status, writeJson } from "./output.ts";
import { computeDtypeNames } from "../trace/dtypes.ts";

/** Seconds between lines of progress where there is no terminal. */
const progressEvery = 30;

interface Flags {
  readonly engine?: string[];
  readonly dtype: string[];
  readonly reference: string[];
  readonly seed: number;
  readonly limit?: number;
  readonly folder: string;
  readonly shard?: Shard;
  readonly redis?: string;
  readonly retries: number;
  readonly explain: number;
  readonly fresh?: boolean;
  readonly strict?: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** `lockstep nightly`: all cases x engines x dtypes x versions of the reference, once, into the history. */
export function addNightly(program: Command): void {
  const command = program
    .command("nightly")
    .description(
      "all cases x engines x dtypes x versions of the reference, into the history; goes on where it was ended",
    )
    .argument("[case...]", "case names, patterns or case files, all when absent")
    .option("--engine <name...>", "engines under test; each case's own when absent")
    .option("--dtype <dtype...>", computeDtypeNames.join(", "), ["float32", "bfloat16"])
    .option("--reference <version...>", "transformers: pinned, newest, previous, or numbers", [
      "pinned",
      "newest",
      "previous",
    ])
    .option("--seed <n>", "seed of weights and inputs", parseWhole, 0)
    .option("--limit <ratio>", "largest error that passes, in noise units", parseRatio)
    .option(
      "--shard <i/n>",
      "one share of n, balanced by recorded seconds; put together with lockstep merge",
      parseShard,
    )
    .option("--redis <url>", "let lockstep worker run the jobs, over a queue in Redis")
    .option("--retries <n>", "new tries of what failed for something that a machine lacked", parseWhole, 2)
    .option("--explain <seconds>", "seconds to search for the cause at one culprit", parseWhole, 20)
    .option("--fresh", "measure everything, even where nothing has changed since an earlier night")
    .option("--strict", "exit code 1 for regressions below the limit too")
    .option("--verbose", "a line for each result, not only for those that are not as expected")
    .option("--json", "the night's lines as JSON on stdout");
  addFolderOption(command).action(nightly);
}

async function nightly(patterns: readonly string[], flags: Flags): Promise<void> {
  const { shard, redis, retries, explain, fresh = false, strict = false, json } = flags;
  if (shard && redis !== undefined)
    throw new UsageError("--shard and --redis are two ways to share a night: expected one of them");
  if (redis !== undefined) withoutPassword(redis); // refuses what is no URL before anything starts
  const secret = redis === undefined ? "" : queueSecret();
  const asked = askedFor(patterns, flags);
  const folder = nightFolder(flags);
  const end = await runNight(
    {
      ...{ folder, asked, fresh, retries, explain },
      ...(shard && { shard }),
      ...(redis !== undefined && {
        runElsewhere: (jobs, night) => runQueued(jobs, night, { url: redis, explain, retries, secret, report: say }),
      }),
    },
    listener(flags.verbose ?? false),
  );
  status(null);
  if (json) writeJson({ night: end.night, results: end.results, since: end.since, regressions: end.regressions });
  sayEnd(end, shard);
  const code = nightExitCode(end.results);
  process.exitCode = code === exitCodes.pass && strict && end.regressions.length > 0 ? exitCodes.mismatch : code;
}

function listener(verbose: boolean): NightListener {
  let plan: NightPlan | undefined;
  let [ran, wrong] = [0, 0];
  const seen = new Set<string>();
  const began = Date.now();
  let told = Date.now();
  const left = (): number => (plan ? plan.jobs.length - plan.done.before - plan.done.reused : 0);
  const progress = (): string =>
    `${ran}/${left()}   ${ran - wrong} as expected, ${wrong} not   ${sayTime((Date.now() - began) / 1000)}`;
  return {
    report: say,
    planned(found) {
      plan = found;
      for (const line of planLines(found)) say(plainLine(line));
    },
    begins: (job) => status(`${progress()}   ${jobTitle(job)}`),
    measured(outcome) {
      ran++;
      if (outcome.verdict) wrong++;
      const line = outcomeLine(outcome, { verbose, seen });
      if (line) say(line);
      if (process.stderr.isTTY) return status(progress());
      if (Date.now() - told < progressEvery * 1000) return;
      told = Date.now();
      say(`      ${progress()}`);
    },
  };
}

/** Renders the plan of a night: its name, cases, engines, dtypes and versions, and how many jobs are left to run. */
function planLines({ night, references, jobs, cases, done, goesOn, shard, commit, asked }: NightPlan): string[] {
  const versions = references.map(sayReference).join(", ");
  const engines =
    asked.engines.length > 0 ? asked.engines.join(", ") : [...new Set(jobs.map(({ engine }) => engine))].join(", ");
  const left = jobs.length - done.before - done.reused;
  const counts = [
    goesOn && `${done.before} done before its run was ended`,
    done.reused > 0 && `${done.reused} as in earlier nights (nothing that they depend on has changed)`,
    `${left} to run`,
  ].filter(Boolean);
  return [
    `night ${night}   ${cases} cases   ${engines}   ${asked.dtypes.join(", ")}   transformers ${versions}   ${sayCommit(commit)}`,
    `      ${jobs.length} jobs${shard ? ` of shard ${shard.index}/${shard.count}` : ""}: ${counts.join(", ")}`,
  ];
}

function sayReference({ version, roles }: NightPlan["references"][number]): string {
  const names = roles.filter((role) => role !== version);
  return names.length > 0 ? `${version} (${names.join(", ")})` : version;
}

/**
 * The whole verdict of what is not as expected, of an error that came before its first lines; of the rest one line
 * where all are to be seen.
 */
function outcomeLine(
  { record, verdict }: Outcome,
  { verbose, seen }: { readonly verbose: boolean; readonly seen: Set<string> },
): string | null {
  if (verdict) {
    const again = verdict.error !== null && seen.has(verdict.error.message);
    if (verdict.error) seen.add(verdict.error.message);
    const text = renderVerdict(verdict);
    return again ? `${text.split("\n")[0]}   the same error as above` : text;
  }
  if (!verbose) return null;
  const { case: name, engine, dtype, reference, compared, total, status: ended, seconds } = harmless(record);
  return ` ${ended.toUpperCase()}  ${name}   ${engine} vs transformers ${reference.version}   ${dtype}   ${compared}/${total} sites   ${seconds.toFixed(1)} s`;
}

/** The table, what changed, where to look, and the last line. */
export function sayEnd(end: NightEnd, shard?: Shard): void {
  const { night, results, since, regressions } = harmless(end);
  say(renderTable(results));
  if (!shard) say(renderChanges(night, since, regressions));
  const wrong = results.filter(({ met, error }) => !met && error?.kind !== "environment");
  for (const { key, case: name } of wrong.slice(0, 3))
    say(`look at ${here(end.verdictPath(key))}   ${name}: lockstep repro, lockstep minimise`);
  if (wrong.length > 3) say(`        and ${wrong.length - 3} more verdicts beside it`);
  if (shard) say(`shard ${shard.index}/${shard.count}   put all ${shard.count} together with: lockstep merge <files>`);
  say(renderNightLine(night, results, { regressions: regressions.length, file: here(end.file) }));
}

/** A file as it is called from here. */
function here(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") ? file : path;
}
