import { harmless, plainLines } from "../trace/harmless.ts";
import type { Verdict } from "./schema.ts";

/**
 * A verdict as every report shows it: all texts are harmless lines, whoever wrote them, an engine or a file. The
 * message of an error keeps its lines, each of them harmless.
 */
export function harmlessVerdict(verdict: Verdict): Verdict {
  const copy = harmless(verdict);
  if (!verdict.error || !copy.error) return copy;
  const { message, stderr_tail: tail } = verdict.error;
  const lines = plainLines(message).join("\n");
  return { ...copy, error: { ...copy.error, message: lines, stderr_tail: tail.flatMap(plainLines) } };
}
