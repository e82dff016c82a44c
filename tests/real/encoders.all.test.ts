/**
 * Trained encoders in the TypeScript engine: all-MiniLM-L6-v2 (bert) and RXNMapper (albert, one layer passed 12 times).
 * `npm run models` fetches the weights.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { changeText } from "../../harness/verdict/words/change.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { checkpointCase } from "../../harness/case/checkpoint.ts";
import { runCase } from "../../harness/run/live.ts";
import { livePool } from "../support/live.ts";
import { haveModels, realModel } from "./models.ts";

/** "[CLS] The capital of France is Paris, and the river that runs through it is called the Seine. [SEP]" */
const sentence = [
  101, 1996, 3007, 1997, 2605, 2003, 3000, 1010, 1998, 1996, 2314, 2008, 3216, 2083, 2009, 2003, 2170, 1996, 16470,
  1012, 102,
];
/** "[CLS] CC(C)S.CN(C)C=O.Fc1cccnc1F.O=C([O-])[O-].[K+].[K+]>>CC(C)Sc1ncccc1F [SEP]" */
const reaction = [
  12, 16, 16, 17, 16, 18, 34, 24, 16, 23, 17, 16, 18, 16, 22, 19, 24, 27, 15, 20, 15, 15, 15, 25, 15, 20, 27, 24, 19,
  22, 16, 17, 36, 18, 36, 24, 51, 24, 51, 29, 16, 16, 17, 16, 18, 34, 15, 20, 25, 15, 15, 15, 15, 20, 27, 13,
];
const tokens = { "all-minilm-l6-v2": sentence, "rxnmapper-albert": reaction } as const;
type Model = keyof typeof tokens;

const there = haveModels(...Object.keys(tokens));
const planted = fileURLToPath(new URL("planted.ts", import.meta.url));

function verdictOf(model: Model, options: { dtype?: "float32" | "bfloat16"; fault?: string }) {
  const { dtype = "float32", fault } = options;
  const found = {
    ...checkpointCase(realModel(model), tokens[model]),
    ...(fault !== undefined && { fault: { module: planted, name: fault } }),
  };
  return runCase(livePool!, found, { engine: "typescript", dtype });
}

describe.skipIf(livePool === null || !there)("trained encoders", () => {
  it.each([
    ["all-minilm-l6-v2", "float32", 268],
    ["all-minilm-l6-v2", "bfloat16", 268],
    ["rxnmapper-albert", "float32", 426],
    ["rxnmapper-albert", "bfloat16", 426],
  ] as const)("%s is green in %s at all %i sites", async (model, dtype, sites) => {
    const verdict = await verdictOf(model, { dtype });
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    expect(verdict.coverage.compared).toBe(sites);
    expect(verdict.coverage.total).toBe(sites);
  });

  it.each([
    ["all-minilm-l6-v2", "minilmEps", "encoder.layer.3.output.LayerNorm:out", /1e-5/],
    ["all-minilm-l6-v2", "minilmGelu", "encoder.layer.4.intermediate.intermediate_act_fn:out", /GELU \(tanh\)/],
    [
      "rxnmapper-albert",
      "rxnmapperGelu",
      "albert.encoder.albert_layer_groups.0.albert_layers.0.activation:out",
      /tanh/,
    ],
  ] as const)("%s with %s is located at %s, and why is said", async (model, fault, site, cause) => {
    const verdict = await verdictOf(model, { fault });
    expect(verdict.culprit?.site, renderVerdict(verdict)).toBe(site);
    const { candidates } = verdict.culprit!.explanation!;
    expect(candidates.map(changeText).join("\n")).toMatch(cause);
  });
});
