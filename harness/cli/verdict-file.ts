import { z } from "zod";
import type { Verdict } from "../verdict/schema.ts";
import { verdict as verdictSchema, verdictVersion } from "../verdict/schema.ts";
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
