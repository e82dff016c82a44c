/** What becomes of a config of the corpus: green, refused with a reason, or red; and how many of each. */
import { fileURLToPath } from "node:url";
import { runCase } from "../../../harness/run/live.ts";
import { renderVerdict } from "../../../harness/report/terminal.ts";
import type { Verdict } from "../../../harness/verdict/schema.ts";
import { livePool } from "../live.ts";
import { corpusCase } from "./cases.ts";

/** Healthy engines of `engines.py`, and the dtypes that each runs in. */
export const engines = ["eager", "sdpa", "split_sums"] as const;
export const dtypes = ["float32", "bfloat16"] as const;

/** One run of the corpus. */
export interface CorpusRun {
  readonly name: string;
  readonly engine: string;
  readonly dtype: (typeof dtypes)[number];
}

/** An outcome, with the verdict in words. */
export interface Outcome {
  readonly kind: "green" | "refused" | "red";
  readonly text: string;
}

/** The text by which `--engine` knows a function of `engines.py`. */
export const corpusEngine = (name: string): string =>
  `torch:${fileURLToPath(new URL("engines.py", import.meta.url))}:${name}`;

/**
 * Runs one config. Green: no site fails, and all are compared but inner tensors of an attention kernel that has none.
 * Refused: the reference says what it does not run.
 */
export async function outcomeOf({ name, engine, dtype }: CorpusRun): Promise<Outcome> {
  const verdict = await runCase(livePool!, corpusCase(name), { engine: corpusEngine(engine), dtype, explain: 0 });
  const text = renderVerdict(verdict);
  if (verdict.error?.kind === "usage" && verdict.error.message.startsWith("the reference does not run this: "))
    return { kind: "refused", text };
  return { kind: isGreen(verdict, engine) ? "green" : "red", text };
}

function isGreen({ status, coverage }: Verdict, engine: string): boolean {
  if (status === "pass") return true;
  return engine === "sdpa" && status === "unknown" && coverage.unknown.every((site) => site.includes("#"));
}

/** A table of outcomes: one row for each engine and dtype. */
export function outcomeTable(outcomes: readonly (CorpusRun & Outcome)[]): string {
  const rows = [...new Set(outcomes.map(({ engine, dtype }) => `${engine} ${dtype}`))].map((row) => {
    const count = (kind: Outcome["kind"]): string => {
      const found = outcomes.filter((one) => `${one.engine} ${one.dtype}` === row && one.kind === kind);
      return String(found.length).padStart(8);
    };
    return `${row.padEnd(22)}${count("green")}${count("refused")}${count("red")}`;
  });
  return [`${"".padEnd(22)}   green refused     red`, ...rows].join("\n");
}
