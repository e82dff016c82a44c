import { resolve } from "node:path";
import type { Command } from "commander";
import type { Asked, ResultLine } from "../night/history/record.ts";
import { defaultLimit } from "../run/live.ts";
import { chooseEngine } from "../engine/registry.ts";
import { UsageError, exitCodes } from "../trace/errors.ts";
import { computeDtypeNames, isComputeDtype } from "../trace/dtypes.ts";

/** The folder of nights unless another is named. */
const defaultFolder = "reports/nightly";

/** Adds `--folder`, which all commands of nights have. */
export function addFolderOption(command: Command): Command {
  return command.option("--folder <dir>", "where nights are kept: history.jsonl, results/, verdicts/", defaultFolder);
}

/** The folder that `--folder` names. */
export function nightFolder({ folder }: { readonly folder: string }): string {
  return resolve(folder);
}

/**
 * Reads what `lockstep nightly` is to run from its options, in a fixed order, so that the same wish is the same scope.
 * @throws UsageError
 */
export function askedFor(
  cases: readonly string[],
  flags: {
    readonly engine?: readonly string[];
    readonly dtype: readonly string[];
    readonly reference: readonly string[];
    readonly seed: number;
    readonly limit?: number;
  },
): Asked {
  const { engine = [], dtype, reference, seed, limit = defaultLimit } = flags;
  for (const name of engine) chooseEngine(name); // refuses an unknown one before anything starts
  for (const name of dtype)
    if (!isComputeDtype(name))
      throw new UsageError(`--dtype: expected one of ${computeDtypeNames.join(", ")}, found ${name}`);
  const once = (words: readonly string[]): string[] => [...new Set(words)];
  return { cases: once(cases), engines: once(engine), dtypes: once(dtype), references: once(reference), seed, limit };
}

/**
 * The exit code of a night, by the rules of a run: 4 when an engine broke, else 3 for what a machine lacked, else 2 for
 * what the caller must mend, else 1 when a result is not as expected, else 0.
 */
export function nightExitCode(results: readonly ResultLine[]): number {
  const kinds = results.flatMap(({ error }) => (error ? [error.kind] : []));
  for (const kind of ["engine", "environment", "usage"] as const) if (kinds.includes(kind)) return exitCodes[kind];
  return results.length > 0 && results.every(({ met }) => met) ? exitCodes.pass : exitCodes.mismatch;
}
