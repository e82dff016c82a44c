/**
 * Configs as they are published, with old names and keys of other tools, are read; what is not implemented is refused
 * by name.
 */
import { expect, test } from "vitest";
import { findArchitecture } from "./registry.ts";

const common = { transformers_version: "4.46.0", torch_dtype: "bfloat16", use_cache: true, attention_dropout: 0 };

const published: [string, object, object][] = [
  [
    "LlamaForCausalLM",
    {
      model_type: "llama",
      rope_theta: 500_000,
      rope_scaling: {
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
        rope_type: "llama3",
      },
      num_key_value_heads: 8,
      pretraining_tp: 1,
      eos_token_id: [128_001, 128_009],
    },
    { head_dim: 128, num_key_value_heads: 8, rope_parameters: { rope_type: "llama3", rope_theta: 500_000, factor: 8 } },
  ],
  [
    "MistralForCausalLM",
    { model_type: "mistral", sliding_window: null },
    { layer_types: Array(32).fill("full_attention") },
  ],
  ["Qwen2ForCausalLM", { model_type: "qwen2", use_sliding_window: false, rope_theta: 1e6 }, { sliding_window: null }],
  [
    "Qwen3ForCausalLM",
    { model_type: "qwen3", rope_scaling: null, num_hidden_layers: 2, max_window_layers: 2 },
    { head_dim: 128, layer_types: ["full_attention", "full_attention"] },
  ],
  [
    "BertModel",
    { model_type: "bert", gradient_checkpointing: false, position_embedding_type: "absolute", num_attention_heads: 12 },
    { head_dim: 64, num_key_value_heads: 12, type_vocab_size: 2 },
  ],
  [
    "GemmaForCausalLM",
    { model_type: "gemma", hidden_act: "gelu", hidden_activation: null, num_hidden_layers: 1 },
    { hidden_act: "gelu_pytorch_tanh", head_dim: 256, layer_types: ["full_attention"] },
  ],
  [
    "Qwen2_5_VLForConditionalGeneration",
    {
      model_type: "qwen2_5_vl",
      hidden_size: 3584,
      num_attention_heads: 28,
      num_hidden_layers: 1,
      rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
      rope_theta: 2_000_000,
      vision_token_id: 151_654,
      vision_config: { in_chans: 3, spatial_patch_size: 14, hidden_size: 1280, tokens_per_second: 2 },
    },
    {
      text_config: {
        head_dim: 128,
        mrope_section: [16, 24, 24],
        layer_types: ["full_attention"],
        rope_parameters: { rope_type: "default", rope_theta: 2_000_000 },
      },
      vision_config: { head_dim: 80, num_attention_heads: 16 },
    },
  ],
  [
    "Qwen3MoeForCausalLM",
    {
      model_type: "qwen3_moe",
      num_hidden_layers: 1,
      num_local_experts: 64,
      max_window_layers: 48,
      mlp_only_layers: null,
    },
    { num_experts: 64, mlp_only_layers: [], sliding_window: null, head_dim: 64, layer_types: ["full_attention"] },
  ],
  [
    "GptOssForCausalLM",
    { model_type: "gpt_oss", num_hidden_layers: 2, experts_per_token: 4, rope_theta: 150_000, hidden_act: "silu" },
    {
      layer_types: ["sliding_attention", "full_attention"],
      rope_parameters: { rope_type: "yarn", factor: 32, truncate: false, rope_theta: 150_000 },
    },
  ],
  [
    "DeepseekV3ForCausalLM",
    {
      model_type: "deepseek_v3",
      scoring_func: "sigmoid",
      topk_method: "noaux_tc",
      moe_layer_freq: 1,
      ep_size: 1,
      seq_aux: true,
      num_nextn_predict_layers: 1,
      rope_scaling: { type: "yarn", factor: 40, mscale: 1, mscale_all_dim: 1, beta_fast: 32, beta_slow: 1 },
    },
    { qk_head_dim: 192, head_dim: 64, rope_parameters: { rope_type: "yarn", original_max_position_embeddings: 4096 } },
  ],
  [
    "Gemma2ForCausalLM",
    { model_type: "gemma2", hidden_act: "gelu_pytorch_tanh", cache_implementation: "hybrid", num_hidden_layers: 2 },
    { layer_types: ["sliding_attention", "full_attention"], attn_logit_softcapping: 50 },
  ],
  [
    "Gemma3ForCausalLM",
    { model_type: "gemma3_text", rope_scaling: { rope_type: "linear", factor: 8 }, sliding_window_pattern: 6 },
    {
      rope_parameters: {
        sliding_attention: { rope_type: "default", rope_theta: 10_000 },
        full_attention: { rope_type: "linear", rope_theta: 1_000_000, factor: 8 },
      },
    },
  ],
  [
    "MixtralForCausalLM",
    { model_type: "mixtral", num_hidden_layers: 1, output_router_logits: false, router_aux_loss_coef: 0.02 },
    { num_local_experts: 8, layer_types: ["full_attention"], rope_parameters: { rope_theta: 1_000_000 } },
  ],
  ["Olmo2ForCausalLM", { model_type: "olmo2", num_key_value_heads: null }, { num_key_value_heads: 32, head_dim: 128 }],
  ["GraniteForCausalLM", { model_type: "granite", attention_multiplier: 0.0078125 }, { logits_scaling: 1 }],
  [
    "Cohere2ForCausalLM",
    { model_type: "cohere2", num_hidden_layers: 4 },
    { layer_types: expect.arrayContaining(["full_attention"]) },
  ],
  ["SmolLM3ForCausalLM", { model_type: "smollm3", num_hidden_layers: 4 }, { no_rope_layers: [1, 1, 1, 0] }],
  [
    "Phi3ForCausalLM",
    {
      model_type: "phi3",
      auto_map: {},
      partial_rotary_factor: 0.75,
      max_position_embeddings: 131_072,
      rope_scaling: { type: "su", short_factor: [1], long_factor: [2] },
    },
    { rope_parameters: { rope_type: "longrope", partial_rotary_factor: 0.75, original_max_position_embeddings: 4096 } },
  ],
  [
    "GPT2LMHeadModel",
    { model_type: "gpt2", n_ctx: 1024, summary_type: "cls_index", task_specific_params: {}, resid_pdrop: 0.1 },
    { hidden_size: 768, head_dim: 64, max_position_embeddings: 1024 },
  ],
  [
    "GPTNeoXForCausalLM",
    { model_type: "gpt_neox", rotary_pct: 0.25, rotary_emb_base: 20_000, hidden_dropout: 0 },
    { rope_parameters: { rope_type: "default", rope_theta: 20_000, partial_rotary_factor: 0.25 } },
  ],
];

const parse = (name: string, config: object) =>
  findArchitecture({ architectures: [name] }).parseConfig({ ...common, architectures: [name], ...config });

test.each(published)("%s", (name, config, expected) => {
  expect(parse(name, config)).toMatchObject(expected);
});

const refused: [string, object, RegExp][] = [
  ["LlamaForCausalLM", { rope_scaling: { rope_type: "mrope" } }, /rope_type/],
  ["Gemma2ForCausalLM", { use_bidirectional_attention: true }, /use_bidirectional_attention/],
  ["Gemma3ForCausalLM", { rope_scaling: { rope_type: "dynamic" } }, /rope_type/],
  ["DeepseekV3ForCausalLM", { num_key_value_heads: 8 }, /num_key_value_heads/],
  ["DeepseekV3ForCausalLM", { head_dim: 128 }, /head_dim/],
  ["DeepseekV3ForCausalLM", { scoring_func: "softmax" }, /scoring_func/],
  ["GPT2LMHeadModel", { reorder_and_upcast_attn: true }, /reorder_and_upcast_attn/],
  ["Phi3ForCausalLM", { attention_bias: true }, /attention_bias/],
  [
    "Qwen2_5_VLForConditionalGeneration",
    { text_config: { rope_parameters: { mrope_section: [1, 2, 3] } } },
    /sections of 64 frequencies.*found 1 \+ 2 \+ 3/,
  ],
];

test.each(refused)("%s refuses %o", (name, config, message) => {
  expect(() => parse(name, config)).toThrow(message);
});
