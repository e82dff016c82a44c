/**
 * Tiny configs of architectures that PyTorch engines run: mixtures of experts, shared layers, recurrent states, no
 * cache.
 */
import type { Case, CaseDefinition, Inputs } from "../../harness/case/case.ts";
import { defineCase, planPhases } from "../../harness/case/case.ts";
import { textInputs } from "../../cases/gemma4_unified.inputs.ts";

type Json = Record<string, unknown>;

const decoder = {
  vocab_size: 193,
  hidden_size: 40,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 14,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-3,
  rope_parameters: { rope_type: "default", rope_theta: 12345 },
  hidden_act: "silu",
  tie_word_embeddings: false,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
};

const encoder = {
  vocab_size: 193,
  hidden_size: 40,
  num_attention_heads: 4,
  intermediate_size: 68,
  max_position_embeddings: 64,
  type_vocab_size: 2,
  layer_norm_eps: 1e-3,
  pad_token_id: 0,
};

const [sliding, full, linear] = ["sliding_attention", "full_attention", "linear_attention"];

const configs: Readonly<Record<string, Json>> = {
  mixtral: {
    ...decoder,
    architectures: ["MixtralForCausalLM"],
    intermediate_size: 24,
    num_local_experts: 6,
    num_experts_per_tok: 2,
    sliding_window: null,
  },
  qwen3_moe: {
    ...decoder,
    architectures: ["Qwen3MoeForCausalLM"],
    intermediate_size: 68,
    moe_intermediate_size: 24,
    num_experts: 7,
    num_experts_per_tok: 3,
    norm_topk_prob: true,
    mlp_only_layers: [1],
  },
  gpt_oss: {
    ...decoder,
    architectures: ["GptOssForCausalLM"],
    intermediate_size: 24,
    num_local_experts: 6,
    num_experts_per_tok: 2,
    sliding_window: 8,
    layer_types: [sliding, full, sliding],
    swiglu_limit: 0.1,
  },
  deepseek_v3: {
    ...decoder,
    architectures: ["DeepseekV3ForCausalLM"],
    head_dim: 6,
    num_key_value_heads: 4,
    intermediate_size: 68,
    moe_intermediate_size: 24,
    n_routed_experts: 8,
    n_shared_experts: 1,
    n_group: 4,
    topk_group: 2,
    num_experts_per_tok: 3,
    norm_topk_prob: true,
    routed_scaling_factor: 1.7,
    first_k_dense_replace: 1,
    q_lora_rank: 22,
    kv_lora_rank: 18,
    qk_rope_head_dim: 6,
    qk_nope_head_dim: 10,
    v_head_dim: 12,
  },
  albert: {
    ...encoder,
    architectures: ["AlbertForMaskedLM"],
    embedding_size: 24,
    num_hidden_layers: 4,
    num_hidden_groups: 1,
    inner_group_num: 1,
    hidden_act: "gelu_new",
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  },
  bert: { ...encoder, architectures: ["BertForMaskedLM"], num_hidden_layers: 3, hidden_act: "gelu" },
  t5: {
    architectures: ["T5ForConditionalGeneration"],
    vocab_size: 193,
    d_model: 40,
    d_kv: 14,
    d_ff: 68,
    num_layers: 2,
    num_decoder_layers: 2,
    num_heads: 4,
    relative_attention_num_buckets: 8,
    relative_attention_max_distance: 12,
    layer_norm_epsilon: 1e-3,
    feed_forward_proj: "gated-gelu",
    tie_word_embeddings: false,
    is_encoder_decoder: true,
    pad_token_id: 0,
    eos_token_id: 1,
    decoder_start_token_id: 0,
  },
  mamba2: {
    architectures: ["Mamba2ForCausalLM"],
    vocab_size: 193,
    hidden_size: 40,
    num_hidden_layers: 3,
    num_heads: 8,
    head_dim: 10,
    state_size: 12,
    n_groups: 2,
    expand: 2,
    conv_kernel: 4,
    chunk_size: 4,
    layer_norm_epsilon: 1e-3,
    pad_token_id: 0,
    tie_word_embeddings: false,
  },
  qwen3_next: {
    ...decoder,
    architectures: ["Qwen3NextForCausalLM"],
    layer_types: [linear, full, linear],
    intermediate_size: 68,
    moe_intermediate_size: 24,
    shared_expert_intermediate_size: 32,
    num_experts: 6,
    num_experts_per_tok: 2,
    norm_topk_prob: true,
    linear_conv_kernel_dim: 4,
    linear_num_key_heads: 2,
    linear_num_value_heads: 4,
    linear_key_head_dim: 12,
    linear_value_head_dim: 10,
  },
};

/** Tokens of the encoder; the decoder reads `input_ids`. */
const encoderTokens = (seed: number): Inputs =>
  new Map(
    [...textInputs(seed + 1, [13, 8])]
      .filter(([tensor]) => tensor !== "mm_token_type_ids")
      .map(([tensor, values]) => [`encoder_${tensor}`, values]),
  );

const withEncoder = ["t5"];
const withoutCache = ["albert", "bert"];

/** The names of all of them. */
export const architectures = Object.keys(configs);

/**
 * A text case of one of them: prefill, decode steps, a second turn and a reuse of the prefill where it keeps a cache,
 * else one full forward.
 */
export function architectureCase(name: string, changes: Partial<CaseDefinition> = {}): Case {
  const lengths = [17, 12];
  return defineCase({
    name: `${name}/tiny`,
    title: `a tiny ${name}`,
    config: { model_type: name, ...configs[name] },
    inputs: (seed) =>
      new Map([
        ...[...textInputs(seed, lengths)].filter(([tensor]) => tensor !== "mm_token_type_ids"),
        ...(withEncoder.includes(name) ? encoderTokens(seed) : []),
      ]),
    phases: withoutCache.includes(name)
      ? [{ name: "full", start: 0, end: lengths[0]!, cache: false }]
      : planPhases({ chunks: [9], decode: 3, turn: 4, reuse: 8, full: true }),
    ...changes,
  });
}
