/** The layers of whisper, read beside transformers 5.24.0, `models/whisper/modeling_whisper.py`: same classes, same order, same names. */
import { Activation } from "../layers/activations.ts";
import type { AttentionInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { cross_attention_states } from "../layers/encoder_decoder.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { everythingReadable } from "../layers/masks.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { pointwise } from "../layers/pointwise.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, scale } from "../tensor/elementwise.ts";
import { reshape, swapMiddle } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { WhisperConfig } from "./whisper.config.ts";

/** Rows of the table at `position_ids` [B, S]; the ids only say how many there are. */
export class WhisperPositionalEmbedding extends Embedding {
  override forward(_input_ids: IndexTensor, position_ids?: IndexTensor): Tensor {
    return super.forward(position_ids!);
  }
}

type Heads = "encoder_attention_heads" | "decoder_attention_heads";

/** Attention of one layer, to its own states or to the encoder's: hidden_states [B, S, d_model] -> the same shape. */
export class WhisperAttention extends Attention {
  /** What queries are multiplied by, before scores are made. */
  query_scaling: number;
  k_proj: Linear;
  v_proj: Linear;
  q_proj: Linear;
  out_proj: Linear;

  constructor(config: WhisperConfig, layer_idx: number, { at, heads }: { at: Scope; heads: Heads }) {
    super(config, layer_idx, { at, scaling: 1 });
    config = at.read(config);
    const num_heads = config[heads];
    this.head_dim = Math.floor(config.d_model / num_heads);
    this.query_scaling = this.head_dim ** -0.5;
    Object.assign(this.attention, { num_heads, num_key_value_heads: num_heads, head_dim: this.head_dim });
    const sizes = { in: size(config, "d_model"), out: size(config, "d_model") };
    this.k_proj = new Linear(at.child("k_proj"), { ...sizes, bias: false });
    this.v_proj = new Linear(at.child("v_proj"), { ...sizes, bias: true });
    this.q_proj = new Linear(at.child("q_proj"), { ...sizes, bias: true });
    this.out_proj = new Linear(at.child("out_proj"), { ...sizes, bias: true });
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

/** What a layer of the decoder gets: the states of the encoder, null where the cache has what is made of them. */
export interface DecoderLayerInputs extends AttentionInputs {
  readonly key_value_states?: Tensor | null;
}

/** What layers of both sides end with: norm, two projections, residual. */
abstract class WhisperLayer extends Module {
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
  self_attn: WhisperAttention;
  self_attn_layer_norm: LayerNorm;
  activation_fn: Activation;
  fc1: Linear;
  fc2: Linear;
  final_layer_norm: LayerNorm;

  constructor(config: WhisperConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const [dim, ffn_dim] = [size(config, "d_model"), size(config, "encoder_ffn_dim")];
    const heads = "encoder_attention_heads";
    this.self_attn = new WhisperAttention(config, layer_idx, { at: at.child("self_attn"), heads });
    this.self_attn_layer_norm = new LayerNorm(at.child("self_attn_layer_norm"), { dim });
    this.activation_fn = new Activation(at.child("activation_fn"), config.activation_function);
    this.fc1 = new Linear(at.child("fc1"), { in: dim, out: ffn_dim, bias: true });
    this.fc2 = new Linear(at.child("fc2"), { in: ffn_dim, out: dim, bias: true });
    this.final_layer_norm = new LayerNorm(at.child("final_layer_norm"), { dim });
  }

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
  self_attn: WhisperAttention;
  activation_fn: Activation;
  self_attn_layer_norm: LayerNorm;
  encoder_attn: WhisperCrossAttention;
  encoder_attn_layer_norm: LayerNorm;
  fc1: Linear;
  fc2: Linear;
  final_layer_norm: LayerNorm;

  constructor(config: WhisperConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const [dim, ffn_dim] = [size(config, "d_model"), size(config, "decoder_ffn_dim")];
    const heads = "decoder_attention_heads";
    this.self_attn = new WhisperAttention(config, layer_idx, { at: at.child("self_attn"), heads });
    this.activation_fn = new Activation(at.child("activation_fn"), config.activation_function);
    this.self_attn_layer_norm = new LayerNorm(at.child("self_attn_layer_norm"), { dim });
    this.encoder_attn = new WhisperCrossAttention(config, layer_idx, { at: at.child("encoder_attn"), heads });
    this.encoder_attn_layer_norm = new LayerNorm(at.child("encoder_attn_layer_norm"), { dim });
    this.fc1 = new Linear(at.child("fc1"), { in: dim, out: ffn_dim, bias: true });
    this.fc2 = new Linear(at.child("fc2"), { in: ffn_dim, out: dim, bias: true });
    this.final_layer_norm = new LayerNorm(at.child("final_layer_norm"), { dim });
  }

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
