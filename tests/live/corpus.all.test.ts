/**
 * The corpus, each config once: engines and dtypes by turns. A healthy engine is green in whatever the reference runs,
 * and what it does not run is refused with a reason. Positions, rows and batches as engines have them.
 */
import { afterAll, describe, expect, it } from "vitest";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { runCase } from "../../harness/run/live.ts";
import { corpus, corpusCase } from "../support/corpus/cases.ts";
import type { CorpusRun, Outcome } from "../support/corpus/outcome.ts";
import { corpusEngine, dtypes, engines, outcomeOf, outcomeTable } from "../support/corpus/outcome.ts";
import { livePool } from "../support/live.ts";

const turns = engines.flatMap((engine) => dtypes.map((dtype) => ({ engine, dtype })));
const plan = corpus.map((name, place): CorpusRun => ({ name, ...turns[place % turns.length]! }));

/** Those that transformers 5.24 does not run: it lacks them, or their config, inputs or phases are not for them. */
const refused = [
  ...["internlm3", "step3p5", "zaya"],
  ...["sam", "rwkv", "xlstm", "minimax", "prophetnet", "bailing_hybrid"],
];
/** Modeling code that computes in float32, or not in bfloat16. */
const refusedInBfloat16 = ["deberta", "fnet", "fnet_nopad"];

const verdictOf = async (name: string, engine: string) =>
  runCase(livePool!, corpusCase(name), { engine: corpusEngine(engine), explain: 0 });

describe.skipIf(livePool === null)("the corpus", () => {
  const outcomes: (CorpusRun & Outcome)[] = [];
  afterAll(() => process.stdout.write(`${outcomeTable(outcomes)}\n`));

  it.each(plan)("$name with $engine in $dtype", async (run) => {
    const outcome = await outcomeOf(run);
    outcomes.push({ ...run, ...outcome });
    const mayRefuse = refused.includes(run.name) || (run.dtype === "bfloat16" && refusedInBfloat16.includes(run.name));
    expect(outcome.kind, outcome.text).toBe(mayRefuse ? "refused" : "green");
  });
});

describe.skipIf(livePool === null)("an engine called as its users call it", () => {
  it.each(["roberta_right", "camembert_right", "longformer_right", "xlm_roberta_pad1", "electra", "gte_nopad"])(
    "has the positions that %s makes itself",
    async (name) => {
      const verdict = await verdictOf(name, "default_call");
      expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    },
  );

  it.each(["roberta_right", "xlm_roberta_pad1"])("is wrong when it counts the positions of %s from 0", async (name) => {
    const { status, culprit } = await verdictOf(name, "positions_from_zero");
    expect(status).toBe("fail");
    expect(culprit!.site).toMatch(/position/);
  });

  it("may have a batch of 1 where each sequence has the same rows, and the verdict says so", async () => {
    const { status, sites } = await verdictOf("electra_nopad", "positions_for_each");
    expect(status).toBe("pass");
    expect(sites.flatMap(({ site, broadcast }) => (broadcast ? [site] : []))).toContain(
      "electra.embeddings.position_embeddings:in",
    );
  });
});

describe.skipIf(livePool === null)("frequencies made in another way", () => {
  it.each(["llama", "arcee"])("are healthy in %s", async (name) => {
    const verdict = await verdictOf(name, "log_frequencies");
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
  });
});
