/**
 * Whisper base on recorded speech: the TypeScript engine writes down what is said, and is green at every site while the
 * words are forced. `npm run models` fetches weights and recordings.
 */
import { describe, expect, it } from "vitest";
import { noModalities } from "../../engines/typescript/layers/causal_model.ts";
import { generate } from "../../engines/typescript/runtime/generate.ts";
import { loadCheckpoint } from "../../engines/typescript/runtime/load.ts";
import { floatTensor } from "../../engines/typescript/tensor/tensor.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import type { Case } from "../../harness/case/case.ts";
import { planPhases } from "../../harness/case/case.ts";
import { checkpointCase } from "../../harness/case/checkpoint.ts";
import { runCase } from "../../harness/run/live.ts";
import { toNumbers } from "../../harness/trace/tensor.ts";
import { livePool } from "../support/live.ts";
import { haveModels, realModel } from "./models.ts";
import { endOfText, featuresOf, readVocabulary, transcribe, wordsOf } from "./speech.ts";

const there = haveModels("whisper-base", "speech");
const folder = realModel("whisper-base");
/** " He was not an ill-disposed young man." */
const said = [634, 390, 406, 364, 3171, 12, 67, 7631, 1744, 2037, 587, 13];

/** Recording 0880 and its words: the prompt, two words and then one token at a time. */
function speechCase(): Case {
  const ids = [...transcribe, ...said];
  const testCase = checkpointCase(folder, ids);
  return {
    ...testCase,
    inputs: (seed) => new Map([...testCase.inputs(seed), ["input_features", featuresOf("0880")]]),
    phases: planPhases({ chunks: [6, 7], decode: 3, full: false }),
  };
}

describe.skipIf(!there)("Whisper base", () => {
  it("writes down recorded speech, word for word", () => {
    const { model, store } = loadCheckpoint(folder, { dtype: "F32" });
    const text = readVocabulary(folder);
    for (const recording of ["0880", "0890", "0930"]) {
      const features = featuresOf(recording);
      const input_features = floatTensor(features.shape, toNumbers(features) as Float32Array);
      const ids = generate(model, transcribe, {
        max_new_tokens: 40,
        eos_token_ids: [endOfText],
        sampling: null,
        memory: store?.memory ?? null,
        modalities: { ...noModalities, input_features },
      });
      const words = text([...ids])
        .toLowerCase()
        .replaceAll(/[^a-z]+/g, " ")
        .trim();
      expect(words).toBe(wordsOf(recording));
    }
  });

  it.skipIf(livePool === null).each(["float32", "bfloat16"] as const)("is green in %s at every site", async (dtype) => {
    const verdict = await runCase(livePool!, speechCase(), { engine: "typescript", dtype });
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    expect(verdict.coverage.compared).toBe(verdict.coverage.total);
    expect(verdict.coverage.total).toBeGreaterThan(1000);
  });
});
