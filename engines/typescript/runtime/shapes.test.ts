import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { int64Tensor } from "../../../harness/trace/tensor.ts";
import type { Json } from "../testing/tiny.ts";
import { large, mediaInputs, textInputs, tiny, writeInputs } from "../testing/tiny.ts";
import { TypeScriptEngine } from "./engine.ts";

const faults = fileURLToPath(new URL("../testing/faults.ts", import.meta.url));
const inputs = writeInputs(textInputs([20]));
const shapes = (config: Json, fault?: string) =>
  new TypeScriptEngine().shapes({ config, inputs, ...(fault ? { fault: { module: faults, name: fault } } : {}) });

const layer = "model.language_model.layers.5.self_attn";

test("the 12 B model: layer 5 has 512-wide heads and one key head, and no v_proj", async () => {
  const { sites, tensors, modules, stop } = await shapes(large);
  expect(stop).toBeUndefined();
  const shapeOf = new Map(sites.map(({ site, shape }) => [site, shape]));
  expect(shapeOf.get(`${layer}.q_proj:out`)).toEqual([1, 20, 8192]);
  expect(shapeOf.get(`${layer}.k_proj:out`)).toEqual([1, 20, 512]);
  expect(shapeOf.get(`${layer}.o_proj:in`)).toEqual([1, 20, 8192]);
  expect(shapeOf.get(`${layer}#context`)).toEqual([1, 20, 16, 512]);
  expect(shapeOf.get("model.language_model.layers.4.self_attn#k_rope")).toEqual([1, 8, 20, 256]);
  expect(shapeOf.get("cache.5.key")).toEqual([1, 1, 20, 512]);
  expect(shapeOf.get("logits")).toEqual([1, 20, 262144]);
  expect(modules).toHaveLength(875);
  expect(tensors.filter(({ name }) => name.startsWith(layer)).map(({ name }) => name.slice(layer.length + 1))).toEqual([
    "q_proj.weight",
    "q_norm.weight",
    "k_norm.weight",
    "k_proj.weight",
    "o_proj.weight",
  ]);
  expect(tensors.at(-1)).toEqual({
    name: "lm_head.weight",
    shape: [262144, 3840],
    dtype: "F32",
    tied_to: "model.language_model.embed_tokens.weight",
  });
});

test("attention built from one head_dim stops at layer 5's o_proj", async () => {
  const { sites, stop, config_reads } = await shapes(large, "oneHeadDim");
  expect(stop).toMatchObject({ site: `${layer}.o_proj:in`, found: [1, 20, 4096], expected: [1, 20, 8192] });
  expect(sites.at(-1)).toEqual({ site: `${layer}#context`, shape: [1, 20, 16, 256], dtype: "F32" });
  const core = config_reads.filter(({ scope }) => scope === `${layer}#attention`).map(({ field }) => field);
  expect(core).toEqual(["text_config.num_attention_heads", "text_config.num_key_value_heads", "text_config.head_dim"]);
});

test("config reads name the layer's override", async () => {
  const { config_reads } = await shapes(large);
  const core = config_reads.filter(({ scope }) => scope === `${layer}#attention`).map(({ field }) => field);
  expect(core).toContain("text_config.per_layer_config[5].head_dim");
  const rotary = config_reads.filter(({ scope }) => scope === "model.language_model.rotary_emb");
  expect(rotary.map(({ field }) => field)).toContain("text_config.rope_parameters.full_attention.rope_theta");
});

test("modules come in the order of the reference's named_modules", async () => {
  const { modules } = await shapes(tiny);
  const inLayer = modules.filter(({ path }) => path.startsWith("model.language_model.layers.0"));
  expect(inLayer.map(({ path, type }) => `${path.slice(28)} ${type}`)).toMatchInlineSnapshot(`
    [
      "0 Gemma4UnifiedTextDecoderLayer",
      "0.self_attn Gemma4UnifiedTextAttention",
      "0.self_attn.q_proj Linear",
      "0.self_attn.q_norm Gemma4UnifiedRMSNorm",
      "0.self_attn.k_norm Gemma4UnifiedRMSNorm",
      "0.self_attn.v_norm Gemma4UnifiedRMSNorm",
      "0.self_attn.k_proj Linear",
      "0.self_attn.v_proj Linear",
      "0.self_attn.o_proj Linear",
      "0.mlp Gemma4UnifiedTextMLP",
      "0.mlp.gate_proj Linear",
      "0.mlp.up_proj Linear",
      "0.mlp.down_proj Linear",
      "0.mlp.act_fn GELUTanh",
      "0.input_layernorm Gemma4UnifiedRMSNorm",
      "0.post_attention_layernorm Gemma4UnifiedRMSNorm",
      "0.pre_feedforward_layernorm Gemma4UnifiedRMSNorm",
      "0.post_feedforward_layernorm Gemma4UnifiedRMSNorm",
    ]
  `);
});

test("too few soft tokens stop the forward", async () => {
  const media = mediaInputs();
  media.set("image_position_ids", int64Tensor(Array<number>(16).fill(-1), [1, 8, 2]));
  const result = await new TypeScriptEngine().shapes({ config: tiny, inputs: writeInputs(media) });
  expect(result.stop).toMatchObject({ site: "model:out", found: [0, 40], expected: [6, 40] });
});
