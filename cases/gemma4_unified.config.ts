/**
 * Tiny configs of gemma4_unified that have one layer of every distinct kind, each at least twice and two equal kinds
 * adjacent; sizes differ pairwise, also as products, so that no swapped dimension can hide; no field has its default
 * value where it has one.
 */
const [sliding, full] = ["sliding_attention", "full_attention"] as const;

/**
 * 9 layers: 3 sliding and 2 full ones of their own keys, then 2 sliding and 2 full ones that share them and have the
 * wide MLP.
 */
const text = {
  model_type: "gemma4_unified_text",
  vocab_size: 193,
  hidden_size: 40,
  intermediate_size: 68,
  num_hidden_layers: 9,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 14,
  global_head_dim: 20,
  num_global_key_value_heads: 1,
  attention_k_eq_v: true,
  num_kv_shared_layers: 4,
  use_double_wide_mlp: true,
  layer_types: [sliding, sliding, full, sliding, full, sliding, sliding, full, full],
  sliding_window: 8,
  rms_norm_eps: 1e-3,
  final_logit_softcapping: 2.5,
  hidden_activation: "gelu_pytorch_tanh",
  rope_parameters: {
    sliding_attention: { rope_type: "default", rope_theta: 12345 },
    full_attention: { rope_type: "proportional", partial_rotary_factor: 0.3, rope_theta: 54321 },
  },
  max_position_embeddings: 64,
  use_bidirectional_attention: "vision",
  tie_word_embeddings: true,
  pad_token_id: 0,
  eos_token_id: 1,
  bos_token_id: 2,
};

/** Text, image, video and audio. */
export const multimodal = {
  architectures: ["Gemma4UnifiedForConditionalGeneration"],
  model_type: "gemma4_unified",
  text_config: text,
  vision_config: {
    model_type: "gemma4_unified_vision",
    patch_size: 2,
    pooling_kernel_size: 2,
    mm_embed_dim: 36,
    mm_posemb_size: 23,
    output_proj_dims: 36,
    rms_norm_eps: 2e-3,
  },
  audio_config: { model_type: "gemma4_unified_audio", audio_embed_dim: 26, rms_norm_eps: 5e-4 },
  image_token_id: 180,
  audio_token_id: 181,
  video_token_id: 184,
  boi_token_id: 178,
  eoi_token_id: 182,
  boa_token_id: 179,
  eoa_token_index: 183,
  tie_word_embeddings: true,
};

/**
 * Text only, with the other value of every switch: own value projections, biases, an untied head, no sharing, no
 * soft-cap, full layers first.
 */
export const textOnly = {
  ...text,
  architectures: ["Gemma4UnifiedForCausalLM"],
  attention_k_eq_v: false,
  attention_bias: true,
  num_kv_shared_layers: 0,
  use_double_wide_mlp: false,
  num_hidden_layers: 5,
  layer_types: [full, sliding, sliding, full, full],
  final_logit_softcapping: null,
  hidden_activation: "silu",
  tie_word_embeddings: false,
  use_bidirectional_attention: null,
};
