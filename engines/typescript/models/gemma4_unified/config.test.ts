import { describe, expect, test } from "vitest";
import { EngineError } from "../../../../harness/engine/implementation.ts";
import type { Json } from "../../testing/tiny.ts";
import { large, tiny, tinyText } from "../../testing/tiny.ts";
import { readConfig } from "../../runtime/build.ts";
import type { Gemma4UnifiedConfig } from "./config.ts";
import { kv_sharing_modes } from "../../layers/kv_sharing_config.ts";

const parse = (config: Json) => readConfig({ config, fault: null }).config as Gemma4UnifiedConfig;
const parseText = (changes: Json) => parse({ ...tiny, text_config: { ...tinyText, ...changes } }).text_config;

function refusal(config: Json): EngineError {
  try {
    parse(config);
  } catch (error) {
    if (error instanceof EngineError) return error;
  }
  throw new Error("the config was not refused");
}

describe("defaults of the reference", () => {
  test("of an empty text config", () => {
    const { text_config: text } = parse({ architectures: large.architectures });
    expect(text).toMatchObject({ hidden_size: 2304, num_hidden_layers: 30, rms_norm_eps: 1e-6, sliding_window: 1024 });
    expect(text.layer_types.flatMap((type, i) => (type === "full_attention" ? [i] : []))).toEqual([5, 11, 17, 23, 29]);
    expect(text.per_layer_config[5]).toEqual({ head_dim: 512 });
    expect(text.rope_parameters.full_attention).toMatchObject({ rope_theta: 1e6, partial_rotary_factor: 0.25 });
  });

  test("global key heads count with attention_k_eq_v only", () => {
    expect(parse(large).text_config.per_layer_config[11]).toEqual({ head_dim: 512, num_key_value_heads: 1 });
    expect(parseText({ attention_k_eq_v: false }).per_layer_config[2]).toEqual({ head_dim: 20 });
  });

  test("per_layer_config replaces the global fields, and overrides equal to the model's value are dropped", () => {
    const text = parseText({ per_layer_config: { "03": { head_dim: 14, num_key_value_heads: 1 } } });
    expect(text.per_layer_config).toEqual({ 3: { num_key_value_heads: 1 } });
  });

  test("attention to both sides halves the window", () => {
    expect(parseText({ use_bidirectional_attention: "all" })).toMatchObject({ is_causal: false, sliding_window: 5 });
  });

  test("the last layer is a full-attention layer whatever layer_types says", () => {
    const layer_types = tinyText.layer_types.with(-1, "sliding_attention");
    expect(parseText({ layer_types }).layer_types.at(-1)).toBe("full_attention");
  });
});

test("the last layer of each type with own keys stores them for those that reuse them", () => {
  const { text_config } = parse(tiny);
  expect(kv_sharing_modes(text_config)).toEqual([
    null,
    null,
    null,
    "store",
    "store",
    "reuse",
    "reuse",
    "reuse",
    "reuse",
  ]);
});

describe("refused by name", () => {
  test("an unknown key", () => {
    expect(refusal({ ...tiny, text_config: { ...tinyText, num_experts: 4 } }).message).toMatchInlineSnapshot(
      `"this config is not one the engine implements: text_config: Unrecognized key: "num_experts""`,
    );
  });

  test("a rope type that is not implemented", () => {
    const rope_parameters = { ...tinyText.rope_parameters, full_attention: { rope_type: "yarn", rope_theta: 1 } };
    expect(refusal({ ...tiny, text_config: { ...tinyText, rope_parameters } }).message).toContain(
      "text_config.rope_parameters.full_attention.rope_type",
    );
  });

  test("keys shared from a layer type that makes none", () => {
    expect(refusal({ ...tiny, text_config: { ...tinyText, num_kv_shared_layers: 7 } }).message).toContain(
      "leaves no full_attention layer that makes keys",
    );
  });

  test("an architecture that nobody wrote", () => {
    expect(refusal({ architectures: ["GPT5"] })).toMatchObject({
      code: -32001,
      data: { expected: expect.stringMatching(/^one of .*Gemma4UnifiedForCausalLM/), found: '["GPT5"]' },
    });
  });
});

test("inert keys are accepted", () => {
  const inert = {
    transformers_version: "5.24.0",
    torch_dtype: "bfloat16",
    _name_or_path: "x",
    initializer_range: 0.02,
  };
  expect(parse({ ...tiny, ...inert })).not.toHaveProperty("torch_dtype");
});
