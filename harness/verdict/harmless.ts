import { harmless, plainLines } from "../trace/harmless.ts";
import type { Verdict } from "./schema.ts";

/** The copies that were made: each format asks for the same one. */
const copies = new WeakMap<Verdict, Verdict>();

/**
 * A verdict as every report shows it: all texts are harmless lines, whoever wrote them, an engine or a file. The
 * message of an error keeps its lines, each of them harmless.
 */
export function harmlessVerdict(verdict: Verdict): Verdict {
  const known = copies.get(verdict);
  if (known) return known;
  const copy = copyOf(verdict);
  for (const one of [verdict, copy]) copies.set(one, copy);
  return copy;
}

function copyOf(verdict: Verdict): Verdict {
  const copy = harmless(verdict);
  if (!verdict.error || !copy.error) return copy;
  const { message, stderr_tail: tail } = verdict.error;
  const lines = plainLines(message).filter((line) => line.trim() !== "");
  return { ...copy, error: { ...copy.error, message: lines.join("\n"), stderr_tail: tail.flatMap(plainLines) } };
}
