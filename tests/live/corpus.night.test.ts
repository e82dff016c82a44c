/** The corpus: every config with every healthy engine in every dtype. Prints how many are green, refused and red. */
import { afterAll, describe, expect, it } from "vitest";
import { corpus } from "../support/corpus/cases.ts";
import type { CorpusRun, Outcome } from "../support/corpus/outcome.ts";
import { dtypes, engines, outcomeOf, outcomeTable } from "../support/corpus/outcome.ts";
import { livePool } from "../support/live.ts";

const plan = engines.flatMap((engine) => dtypes.flatMap((dtype) => corpus.map((name) => ({ name, engine, dtype }))));

describe.skipIf(livePool === null)("the corpus", () => {
  const outcomes: (CorpusRun & Outcome)[] = [];
  afterAll(() => process.stdout.write(`${outcomeTable(outcomes)}\n`));

  it.each(plan)("$name with $engine in $dtype", async (run) => {
    const outcome = await outcomeOf(run);
    outcomes.push({ ...run, ...outcome });
    expect(outcome.kind, outcome.text).not.toBe("red");
  });
});
