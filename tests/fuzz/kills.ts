/** Kills commands at random moments, and looks for what they leave behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createSpool, removeSpool } from "../../harness/engine/spool.ts";
import { packageRoot } from "../../harness/engine/registry.ts";
import { sweepCache } from "../../harness/setup/cache.ts";
import { drawUniform } from "../../harness/trace/draw.ts";

const bin = join(packageRoot, "harness", "cli", "bin.mjs");
const faulty = join(packageRoot, "harness", "engine", "fixtures", "faulty-engine.mjs");

/** The signals, and the exit codes that a command ends with by them; 9 can't be handled. */
const codes = { SIGINT: 130, SIGTERM: 143, SIGKILL: null } as const;

/** Commands that need no Python: each has an engine at work when most kills come. */
const verbs: readonly (readonly string[])[] = [
  ["golden", "check", "gemma4_unified/text", "--engine", `cmd:${process.execPath} ${faulty} stubborn`],
  ["golden", "check", "gpt2", "--engine", "typescript"],
  ["engines", "check", "--", process.execPath, faulty, "stubborn"],
  ["engines", "check", "--", process.execPath, faulty, "a child elsewhere"],
  ["selftest", "--golden", "attention-scale"],
  ["doctor"],
];

/** What came of the kills. */
export interface Kills {
  readonly kills: number;
  /** Commands that were over before. */
  readonly late: number;
  /** What was wrong: an exit code, lines, or things left behind. */
  readonly problems: readonly string[];
}

/** Kills `count` commands, `seed` says which, when and how; in `folder`, where they have their cache and temp folder. */
export async function killCommands({
  seed,
  count,
  folder,
  longest,
}: {
  readonly seed: number;
  readonly count: number;
  readonly folder: string;
  /** Milliseconds after which the last kills come. */
  readonly longest: number;
}): Promise<Kills> {
  const problems: string[] = [];
  let late = 0;
  const temp = join(folder, "temp");
  mkdirSync(temp, { recursive: true });
  const draws = drawUniform(seed, "kills", 3 * count, 0, 1);
  const pick = <T>(all: readonly T[], place: number): T => all[Math.floor(draws[place]! * all.length)]!;
  for (let round = 0; round < count; round++) {
    const words = pick(verbs, 3 * round);
    const signal = pick(Object.keys(codes) as (keyof typeof codes)[], 3 * round + 1);
    const env = { ...process.env, TMPDIR: temp, LOCKSTEP_CACHE: join(folder, "cache"), NO_COLOR: "1" };
    const child = spawn(process.execPath, [bin, ...words], { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, "close") as Promise<[number | null]>;
    await Promise.race([ended, sleep(longest * draws[3 * round + 2]!)]);
    const title = `${signal} of ${words.slice(0, 2).join(" ")}, kill ${round}`;
    if (child.exitCode === null) child.kill(signal);
    const [code] = await ended;
    // Its last line is there: it had ended before the signal came.
    const isOver =
      code !== null && code <= 4 && /^((not )?ok {3}\S|\d+\/\d+ detected)/.test(said.trimEnd().split("\n").at(-1)!);
    if (isOver) late++;
    // Before its first line a process is Node's, which dies by the signal.
    if (!isOver && code !== null && code !== codes[signal]) problems.push(`${title}: exit code ${code}: ${said}`);
    if (/^\s+at .*:\d+/m.test(said)) problems.push(`${title}: a stack: ${said}`);
    problems.push(...(await leftBehind(folder)).map((left) => `${title}: ${left}`));
  }
  return { kills: count, late, problems };
}

/** What is still there after the sweep that the next run begins with. */
async function leftBehind(folder: string): Promise<string[]> {
  const before = process.env["LOCKSTEP_CACHE"];
  process.env["LOCKSTEP_CACHE"] = join(folder, "cache");
  removeSpool(createSpool());
  sweepCache();
  if (before === undefined) delete process.env["LOCKSTEP_CACHE"];
  else process.env["LOCKSTEP_CACHE"] = before;
  for (let tries = 0; engines(folder).length > 0 && tries < 100; tries++) await sleep(50);
  const files = readdirSync(join(folder, "temp")).filter((name) => name.startsWith("lockstep-"));
  return [...engines(folder).map((pid) => `process ${pid} still runs`), ...files];
}

/** Processes whose cache is in this folder: engines, and what they started. */
function engines(folder: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "latin1").includes(`\0LOCKSTEP_CACHE=${folder}/`)
      );
    } catch {
      return false;
    }
  });
}
