/**
 * The language model of qwen2_5_vl, read beside transformers 5.24.0, `models/qwen2_5_vl/modeling_qwen2_5_vl.py`: same
 * classes, order and names.
 */
import type { DecoderLayerInputs } from "../../layers/attention.ts";
import { Attention } from "../../layers/attention.ts";
import { AttentionCore } from "../../layers/attention_core.ts";
import { DecoderLayer, DecoderModel } from "../../layers/decoder.ts";
import { GatedMLP } from "../../layers/gated_mlp.ts";
import { RoundedRMSNorm } from "../../layers/normalization.ts";
import type { PositionEmbeddings } from "../../layers/rotary_embedding.ts";
import { position_embeddings, RotaryEmbedding } from "../../layers/rotary_embedding.ts";
import type { Scope } from "../../layers/scope.ts";
import { add } from "../../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import { indexTensor } from "../../tensor/tensor.ts";
import type { Qwen2_5_VLTextConfig } from "./config.ts";

export class Qwen2_5_VLRMSNorm extends RoundedRMSNorm {}

/** Cosines and sines of positions in time, height and width, each of which has its sections of the frequencies. */
export class Qwen2_5_VLRotaryEmbedding extends RotaryEmbedding {
  mrope_section: readonly number[];

  constructor(at: Scope, config: Qwen2_5_VLTextConfig) {
    super(at, config);
    this.mrope_section = at.read(config).mrope_section;
  }

  /** x [B, S, hidden_size], position_ids [B, S, 3] -> [B, S, head_dim] each. */
  override forward(x: Tensor, position_ids: IndexTensor): PositionEmbeddings {
    this.update(position_ids.data.reduce((longest, position) => Math.max(longest, position), 0) + 1);
    const { inv_freq, attention_scaling } = this.rope;
    const along = (axis: number) => position_ids.data.filter((_, i) => i % 3 === axis);
    const tokens = indexTensor(position_ids.shape.slice(0, 2), along(0));
    return position_embeddings(x, tokens, {
      width: inv_freq.length * 2,
      tables: () => {
        const axes = [0, 1, 2].map((axis) => this.table(along(axis), inv_freq, attention_scaling));
        return {
          cos: this.recomposition_frequencies(axes.map(({ cos }) => cos)),
          sin: this.recomposition_frequencies(axes.map(({ sin }) => sin)),
        };
      },
    });
  }

  /** The tables of time, height and width [tokens, frequencies twice] in one: section i from table i % 3. */
  recomposition_frequencies(freq: readonly Float32Array[]): Float32Array {
    const axes = this.mrope_section.flatMap((width, i) => new Array<number>(width).fill(i % 3));
    return freq[0]!.map((_, i) => freq[axes[i % axes.length]!]![i]!);
  }
}

export class Qwen2MLP extends GatedMLP {}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen2_5_VLAttention extends Attention<Qwen2_5_VLTextConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"]);
  k_proj = this.at.linear("k_proj", "hidden_size", ["num_key_value_heads", "head_dim"]);
  v_proj = this.at.linear("v_proj", "hidden_size", ["num_key_value_heads", "head_dim"]);
  o_proj = this.at.linear("o_proj", ["num_attention_heads", "head_dim"], "hidden_size", { bias: false });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class Qwen2_5_VLDecoderLayer extends DecoderLayer<Qwen2_5_VLTextConfig> {
  self_attn = this.at.module("self_attn", Qwen2_5_VLAttention, this.layer_idx);
  mlp = this.at.module("mlp", Qwen2MLP, { activation: this.config.hidden_act });
  input_layernorm = this.at.norm("input_layernorm", Qwen2_5_VLRMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Qwen2_5_VLRMSNorm, "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.input_layernorm.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.post_attention_layernorm.call(hidden_states)));
  }
}

/** Embeddings in place of token ids -> normed hidden states [B, S, hidden_size]. */
export class Qwen2_5_VLTextModel extends DecoderModel<Qwen2_5_VLTextConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Qwen2_5_VLDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Qwen2_5_VLRMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Qwen2_5_VLRotaryEmbedding);
}
