/** Makes a verdict of what a matcher is given: one warm pool for all tests of a process, one comparison at a time. */
import type { Verdict } from "../verdict/schema.ts";
import type { EngineObject } from "../engine/in-process.ts";
import { isEngineObject } from "../engine/in-process.ts";
import { chooseEngine } from "../engine/registry.ts";
import type { Case } from "../case/case.ts";
import { casesFolder, findCases, goldenFolder } from "../case/discover.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool } from "../engine/pool.ts";
import type { RunOptions } from "../run/live.ts";
import { printable } from "../trace/harmless.ts";
import { UsageError } from "../trace/errors.ts";
import { runAny, checkAny } from "../golden/kinds.ts";

/**
 * An engine as `--engine` names it (`typescript`, `torch:file.py:factory`, `cmd:<command>`), or an object with `load`
 * and `run`.
 */
export type EngineUnderTest = string | EngineObject;

/** Options of `toMatchReference`. */
export type ReferenceOptions = Omit<RunOptions, "engine" | "progress">;

/** Options of `toMatchGolden`. */
export interface GoldenOptions {
  /** The folder of the goldens; `golden/` beside `cases/` when absent. */
  readonly folder?: string;
  readonly limit?: number;
  /** Patterns of the sites that are compared, `*` for any characters; all sites when absent. */
  readonly sites?: readonly string[];
}

let pool: EnginePool | null = null;
let last: Promise<unknown> = Promise.resolve();

/** Ends all engines that matchers have started; the next matcher starts them again. */
export async function closeEngines(): Promise<void> {
  const old = pool;
  pool = null;
  await old?.close();
}

/** Compares with the live reference. @throws UsageError for what is no engine or no case. */
export function judgeLive(engine: unknown, testCase: Case | string, options: ReferenceOptions = {}): Promise<Verdict> {
  return inTurn(async (engines) => {
    const [name, one] = [nameOf(engines, engine), await caseOf(testCase)];
    return runAny(engines, one, { ...options, engine: name });
  });
}

/** Compares with the golden, without Python. @throws UsageError for what is no engine or no case. */
export function judgeGolden(engine: unknown, testCase: Case | string, options: GoldenOptions = {}): Promise<Verdict> {
  return inTurn(async (engines) => {
    const [name, one] = [nameOf(engines, engine), await caseOf(testCase)];
    return checkAny(engines, one, { folder: goldenFolder(), ...options, engine: name });
  });
}

/** An engine holds one model: tests that run at the same time wait for each other. */
async function inTurn(judge: (engines: EnginePool) => Promise<Verdict>): Promise<Verdict> {
  pool ??= createPool({ report: (line) => void process.stderr.write(`${printable(line)}\n`) });
  const engines = pool;
  const next = last.then(() => judge(engines));
  last = next.catch(() => undefined);
  return next;
}

function nameOf(engines: EnginePool, engine: unknown): string {
  if (isEngineObject(engine)) return engines.attach(engine);
  if (typeof engine !== "string")
    throw new UsageError(
      `expected an engine: a name as --engine takes it, or an object with load and run; found ${engine === null ? "null" : typeof engine}`,
    );
  chooseEngine(engine); // refuses an unknown one before anything starts
  return engine;
}

/** A case, or the one case of `cases/` that has this name. */
async function caseOf(testCase: Case | string): Promise<Case> {
  if (typeof testCase !== "string") return testCase;
  const matching = await findCases([testCase], casesFolder());
  if (matching.length !== 1)
    throw new UsageError(
      `expected the name of one case, found ${testCase}: ${matching.map(({ name }) => name).join(", ")}`,
    );
  return matching[0]!;
}
