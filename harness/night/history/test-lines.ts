/** Lines of nights for tests. */
import type { Night } from "./journal.ts";
import type { NightLine, ResultLine } from "./record.ts";
import { historyVersion, isGreen } from "./record.ts";

/** A result that passes, with what a test wants otherwise. */
export function testResult(changes: Partial<ResultLine> = {}): ResultLine {
  const night = changes.night ?? "n1";
  return {
    kind: "result",
    night,
    measured: night,
    key: "k1",
    case: "llama/chunked",
    engine: "typescript",
    dtype: "float32",
    seed: 0,
    limit: 4,
    reference: { version: "5.24.0", roles: ["pinned"] },
    versions: { engine: { typescript: "0.1.0" }, reference: { transformers: "5.24.0" } },
    status: "pass",
    met: true,
    compared: 10,
    total: 10,
    worst: { site: "logits", phase: "prefill", ratio: 1.1 },
    sites: {},
    culprit: null,
    error: null,
    attempts: 1,
    seconds: 1,
    ...changes,
  };
}

/** A night of these results. */
export function testNight(
  night: string,
  results: readonly Partial<ResultLine>[],
  changes: Partial<NightLine> = {},
): Night {
  const lines = results.map((result) => testResult({ night, ...result }));
  return {
    results: lines,
    night: {
      kind: "night",
      schema: historyVersion,
      night,
      scope: "s",
      asked: { cases: [], engines: [], dtypes: ["float32"], references: ["pinned"], seed: 0, limit: 4 },
      started: "2026-11-26T00:00:00.000Z",
      seconds: 1,
      commit: { id: "0123456789abcdef", dirty: false },
      harness: "0.1.0+aaaa",
      results: lines.length,
      green: isGreen(lines),
      ...changes,
    },
  };
}
