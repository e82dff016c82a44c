/**
 * The layers of whisper, read beside transformers 5.24.0, `models/whisper/modeling_whisper.py`: same classes, order and
 * names.
 */
import type { Activation } from "../../layers/activations.ts";
import type { AttentionInputs } from "../../layers/attention.ts";
import { Attention } from "../../layers/attention.ts";
import { AttentionCore } from "../../layers/attention_core.ts";
import { LayerModule } from "../../layers/configured_module.ts";
import { cross_attention_states } from "../../layers/encoder_decoder.ts";
import type { Linear } from "../../layers/linear.ts";
import { Embedding } from "../../layers/linear.ts";
import { everythingReadable } from "../../layers/masks.ts";
import { LayerNorm } from "../../layers/normalization.ts";
import { pointwise } from "../../layers/pointwise.ts";
import type { Scope } from "../../layers/scope.ts";
import { add, scale } from "../../tensor/elementwise.ts";
import { reshape, swapMiddle } from "../../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import type { WhisperConfig } from "./config.ts";

/** Rows of the table at `position_ids` [B, S]; the ids only say how many there are. */
export class WhisperPositionalEmbedding extends Embedding {
  override forward(_input_ids: IndexTensor, position_ids?: IndexTensor): Tensor {
    return super.forward(position_ids!);
  }
}

/** The layer that an attention belongs to, and the field that counts its heads. */
interface WhisperAttentionOptions {
  readonly layer_idx: number;
  readonly heads: "encoder_attention_heads" | "decoder_attention_heads";
}

/** Attention of one layer, to its own states or to the encoder's: hidden_states [B, S, d_model] -> the same shape. */
export class WhisperAttention extends Attention<WhisperConfig> {
  attention: AttentionCore;
  /** The factor of queries, before scores are made. */
  query_scaling: number;
  k_proj = this.at.linear("k_proj", "d_model", "d_model", { bias: false });
  v_proj = this.at.linear("v_proj", "d_model", "d_model");
  q_proj = this.at.linear("q_proj", "d_model", "d_model");
  out_proj = this.at.linear("out_proj", "d_model", "d_model");

  constructor(at: Scope, config: WhisperConfig, { layer_idx, heads }: WhisperAttentionOptions) {
    super(at, config, layer_idx);
    const num_heads = this.config[heads];
    this.head_dim = Math.floor(this.config.d_model / num_heads);
    this.query_scaling = this.head_dim ** -0.5;
    const sizes = { num_heads, num_key_value_heads: num_heads, head_dim: this.head_dim };
    this.attention = this.core(AttentionCore, { scaling: 1, sizes });
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const query_states = this.query_states(hidden_states);
    const key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states));
    return this.out_proj.call(this.attend([query_states, key_states, value_states], inputs));
  }

  /** Scaled queries [B, S, heads, D]. */
  query_states(hidden_states: Tensor): Tensor {
    return this.split_heads(scale(this.q_proj.call(hidden_states), this.query_scaling));
  }
}

/** Attention to the encoder's output [B, T, d_model], which is null where the cache has its keys and values. */
export class WhisperCrossAttention extends WhisperAttention {
  override get type(): string {
    return "WhisperAttention";
  }

  override forward(hidden_states: Tensor, { cache, key_value_states = null }: DecoderLayerInputs): Tensor {
    const query_states = swapMiddle(this.query_states(hidden_states)); // [B, heads, S, D]
    this.tap("#q_rope", query_states);
    const [key_states, value_states] = cross_attention_states(cache, this.layer_idx, () => [
      swapMiddle(this.split_heads(this.k_proj.call(key_value_states!))), // [B, heads, T, D]
      swapMiddle(this.split_heads(this.v_proj.call(key_value_states!))),
    ]);
    const attention_mask = everythingReadable(this.context, [query_states, key_states]);
    const attn_output = this.attention.forward(query_states, key_states, value_states, attention_mask);
    return this.out_proj.call(reshape(attn_output, hidden_states.shape));
  }
}

/** The inputs of a decoder layer: the states of the encoder, null where the cache has what is made of them. */
export interface DecoderLayerInputs extends AttentionInputs {
  readonly key_value_states?: Tensor | null;
}

/** A layer of either side, which ends with a norm, two projections and a residual. */
abstract class WhisperLayer extends LayerModule<WhisperConfig> {
  abstract activation_fn: Activation;
  abstract fc1: Linear;
  abstract fc2: Linear;
  abstract final_layer_norm: LayerNorm;

  feed_forward(hidden_states: Tensor): Tensor {
    const residual = hidden_states;
    hidden_states = this.final_layer_norm.call(hidden_states);
    hidden_states = this.activation_fn.call(this.fc1.call(hidden_states)); // [B, S, ffn_dim]
    return add(residual, this.fc2.call(hidden_states));
  }
}

export class WhisperEncoderLayer extends WhisperLayer {
  self_attn = this.at.module("self_attn", WhisperAttention, {
    layer_idx: this.layer_idx,
    heads: "encoder_attention_heads",
  });
  self_attn_layer_norm = this.at.norm("self_attn_layer_norm", LayerNorm, "d_model", { eps: 1e-5 });
  activation_fn = this.at.activation("activation_fn", this.config.activation_function);
  fc1 = this.at.linear("fc1", "d_model", "encoder_ffn_dim");
  fc2 = this.at.linear("fc2", "encoder_ffn_dim", "d_model");
  final_layer_norm = this.at.norm("final_layer_norm", LayerNorm, "d_model", { eps: 1e-5 });

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const residual = hidden_states;
    hidden_states = this.self_attn_layer_norm.call(hidden_states);
    hidden_states = add(residual, this.self_attn.call(hidden_states, inputs));
    hidden_states = this.feed_forward(hidden_states);
    if (hidden_states.dtype !== "F16") return hidden_states;
    const clamp_value = 65_504 - 1000; // the largest float16 less some
    return pointwise(hidden_states, (x) => Math.min(Math.max(x, -clamp_value), clamp_value));
  }
}

export class WhisperDecoderLayer extends WhisperLayer {
  self_attn = this.at.module("self_attn", WhisperAttention, {
    layer_idx: this.layer_idx,
    heads: "decoder_attention_heads",
  });
  activation_fn = this.at.activation("activation_fn", this.config.activation_function);
  self_attn_layer_norm = this.at.norm("self_attn_layer_norm", LayerNorm, "d_model", { eps: 1e-5 });
  encoder_attn = this.at.module("encoder_attn", WhisperCrossAttention, {
    layer_idx: this.layer_idx,
    heads: "decoder_attention_heads",
  });
  encoder_attn_layer_norm = this.at.norm("encoder_attn_layer_norm", LayerNorm, "d_model", { eps: 1e-5 });
  fc1 = this.at.linear("fc1", "d_model", "decoder_ffn_dim");
  fc2 = this.at.linear("fc2", "decoder_ffn_dim", "d_model");
  final_layer_norm = this.at.norm("final_layer_norm", LayerNorm, "d_model", { eps: 1e-5 });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.self_attn_layer_norm.call(hidden_states);
    hidden_states = add(residual, this.self_attn.call(hidden_states, inputs));

    residual = hidden_states;
    hidden_states = this.encoder_attn_layer_norm.call(hidden_states);
    hidden_states = add(residual, this.encoder_attn.call(hidden_states, inputs));
    return this.feed_forward(hidden_states);
  }
}
