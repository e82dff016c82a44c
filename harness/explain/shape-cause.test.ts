import { describe, expect, it } from "vitest";
import type { Factor, SizeCause } from "../verdict/culprit.ts";
import { claimText, evidenceTexts } from "../verdict/words/sizes.ts";
import type { SizeMismatch } from "./shape-cause.ts";
import { explainSizes } from "./shape-cause.ts";

const layer = "model.language_model.layers.5";

const field = (name: string, value: number): Factor => ({ value, field: name, over: null });
const heads = field("num_attention_heads", 16);

/** The case that started the project (vllm#44494). */
const mismatch: SizeMismatch = {
  site: `${layer}.self_attn.o_proj:in`,
  expected: { size: 8192, factors: [heads, field("global_head_dim", 512)] },
  found: { size: 4096, factors: [heads, field("head_dim", 256)] },
  affectedLayers: [5, 11, 17],
  layerCount: 48,
  layerKind: "full_attention",
  sitesOfFoundSize: [],
  fieldsOfFoundSize: [],
  substitution: null,
  neverRead: ["text_config.per_layer_config[5].head_dim"],
  referenceScope: `${layer}.self_attn`,
  engineScope: `${layer}.self_attn#attention`,
  firstSeen: { site: `${layer}.self_attn#context`, expected: [1, 19, 16, 512], found: [1, 19, 16, 256] },
};

describe("the replaced field", () => {
  it("is named with the layers it concerns, what is never read, and where it shows first", () => {
    const [cause] = explainSizes(mismatch) as [SizeCause];
    expect(claimText(cause)).toBe("global_head_dim 512 expected, the engine used head_dim 256");
    expect(evidenceTexts(cause)).toMatchInlineSnapshot(`
      [
        "layers 5, 11, 17 are full_attention",
        "the engine used head_dim 256 for all 48 layers",
        "the reference reads text_config.per_layer_config[5].head_dim in model.language_model.layers.5.self_attn, the engine's model.language_model.layers.5.self_attn#attention never does",
        "first seen at model.language_model.layers.5.self_attn#context: [1, 19, 16, 256], expected [1, 19, 16, 512]",
      ]
    `);
  });

  it("is named with a count of layers where they are of no kind of their own", () => {
    const [reading] = explainSizes({ ...mismatch, layerKind: null, neverRead: [], firstSeen: null });
    expect(evidenceTexts(reading!)).toEqual(["3 of 48 layers have this size in the reference: 5, 11, 17"]);
  });

  it("is not claimed when two factors differ", () => {
    const found = { size: 4096, factors: [field("num_key_value_heads", 8), field("hidden_size", 512)] };
    expect(explainSizes({ ...mismatch, found }).filter(({ holds }) => holds)).toEqual([]);
  });
});

describe("the reading that streams were not concatenated", () => {
  it("is ruled out when nothing of the found size is there", () => {
    const cause = explainSizes(mismatch)[1]!;
    expect([cause.holds, claimText(cause), ...evidenceTexts(cause)]).toEqual([
      false,
      "2 streams of 4096 should have been concatenated",
      "no site of the reference's layer and no config field has the size 4096: there is nothing to concatenate",
    ]);
  });

  it("is ruled out when there are fewer such sites than copies", () => {
    const one = { sitesOfFoundSize: [`${layer}.mlp:out`], fieldsOfFoundSize: ["text_config.width"] };
    const cause = explainSizes({ ...mismatch, ...one })[1]!;
    expect([cause.holds, claimText(cause), ...evidenceTexts(cause)]).toEqual([
      false,
      "2 streams of 4096 should have been concatenated",
      "only model.language_model.layers.5.mlp:out of the reference's layer and only text_config.width has the size 4096: there is nothing to concatenate",
    ]);
  });

  it("holds when the layer has as many streams of that size", () => {
    const two = { sitesOfFoundSize: [`${layer}.a:out`, `${layer}.b:out`] };
    const cause = explainSizes({ ...mismatch, ...two })[1]!;
    expect([cause.holds, claimText(cause), ...evidenceTexts(cause)]).toEqual([
      true,
      "2 streams of 4096 should have been concatenated",
      "the reference's layer has model.language_model.layers.5.a:out, model.language_model.layers.5.b:out of that size",
    ]);
  });

  it.each([8192, 5000, 16_384])("is not weighed for a found size of %i: no multiple", (size) => {
    const found = { size, factors: [{ value: size, field: null, over: null }] };
    expect(explainSizes({ ...mismatch, found }).filter(({ kind }) => kind === "concatenation")).toEqual([]);
  });
});
