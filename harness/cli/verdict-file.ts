import type { Command } from "commander";
import { z } from "zod";
import { isRegistered } from "../engine/trust.ts";
import type { computeDtypes } from "../trace/dtypes.ts";
import { computeDtypeNames, isComputeDtype } from "../trace/dtypes.ts";
import { say } from "./output.ts";
import type { Verdict } from "../verdict/schema.ts";
import { verdict as verdictSchema, verdictVersion } from "../verdict/schema.ts";
import { plainLine } from "../trace/harmless.ts";
import { UsageError } from "../trace/errors.ts";
import { readUserJson } from "../trace/user-file.ts";

/** The verdicts of a file, one or several. @throws UsageError when the file can't be read or holds something else. */
export function readVerdicts(file: string): Verdict[] {
  const content = readUserJson(file, "what lockstep run --json prints");
  const all: unknown[] = Array.isArray(content) ? content : [content];
  const old = all.find((one) => versionOf(one) !== null && versionOf(one) !== verdictVersion);
  if (old !== undefined)
    throw new UsageError(
      `${file}: expected verdicts of version ${verdictVersion}, found version ${String(versionOf(old))}; make them again with this lockstep: npx lockstep run <case> --json > ${file}`,
    );
  const parsed = z.array(verdictSchema).min(1).safeParse(all);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  throw new UsageError(
    `${file} is not a verdict: expected what lockstep run --json prints; ${path.join(".") || "file"}: ${message}`,
  );
}

/** The version that a verdict says it has; null for what says none. */
function versionOf(one: unknown): unknown {
  return typeof one === "object" && one !== null && "schema" in one ? one.schema : null;
}

/**
 * The only failing verdict, or the one that `--case` names. @throws UsageError when there is no such one, or several.
 */
export function chooseVerdict(all: readonly Verdict[], file: string, name: string | undefined): Verdict {
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

/** Adds `--engine` and `--trust`, by which the user permits what a verdict would start. */
export function addPermission(command: Command): Command {
  return command
    .option("--engine <name>", "the engine to start; the verdict's own when absent")
    .option("--trust", "start the engine that stands in the verdict, whatever it is");
}

/** Shows an engine that is about to be started, unless it is one of this installation. */
export function sayStart(engine: string): void {
  if (!isRegistered(engine)) say(plainLine(`starts  ${engine}`));
}

/** The dtype of a verdict. @throws UsageError where it is none that an engine computes in */
export function computeDtypeOf({ dtype }: Verdict, file: string): keyof typeof computeDtypes {
  if (isComputeDtype(dtype)) return dtype;
  throw new UsageError(
    `${file}: expected a dtype of ${computeDtypeNames.join(", ")}, found ${JSON.stringify(dtype.slice(0, 80))}`,
  );
}
