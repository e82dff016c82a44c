/**
 * The case that started the project: gemma4_unified at its full size of 11.9 B parameters, shapes only. An engine that
 * builds every attention from one head_dim stops at the first full_attention layer (vllm#44494).
 */
import type { CaseDefinition } from "../../harness/case/case.ts";
import { defineCase } from "../../harness/case/case.ts";
import { shapeInputs } from "../gemma4_unified.inputs.ts";

const layers = 48;

export const config = {
  architectures: ["Gemma4UnifiedForConditionalGeneration"],
  model_type: "gemma4_unified",
  text_config: {
    model_type: "gemma4_unified_text",
    vocab_size: 262_144,
    hidden_size: 3840,
    intermediate_size: 15_360,
    num_hidden_layers: layers,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 256,
    global_head_dim: 512,
    num_global_key_value_heads: 1,
    attention_k_eq_v: true,
    num_kv_shared_layers: 0,
    use_double_wide_mlp: false,
    layer_types: Array.from({ length: layers }, (_, layer) =>
      (layer + 1) % 6 === 0 ? "full_attention" : "sliding_attention",
    ),
    sliding_window: 1024,
    hidden_activation: "gelu_pytorch_tanh",
    final_logit_softcapping: 30,
    rms_norm_eps: 1e-6,
    max_position_embeddings: 262_144,
    rope_parameters: {
      sliding_attention: { rope_type: "default", rope_theta: 10_000 },
      full_attention: { rope_type: "proportional", partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
    },
    use_bidirectional_attention: "vision",
    tie_word_embeddings: true,
  },
  vision_config: { model_type: "gemma4_unified_vision" },
  audio_config: { model_type: "gemma4_unified_audio" },
  tie_word_embeddings: true,
};

const definition: CaseDefinition = {
  name: "seed/gemma4_unified_12b",
  title: "full-size gemma4_unified, image and audio, shapes only",
  kind: "shapes",
  config,
  inputs: (length) => shapeInputs(config, length),
};

export const cases = [
  defineCase(definition),
  defineCase({
    ...definition,
    name: "seed/gemma4_unified_12b_one_head_dim",
    title: "the same with attention built from one head_dim for every layer",
    faultId: "one-head-dim",
    expect: { fail_at: "model.language_model.layers.5.self_attn.o_proj:in" },
  }),
];
