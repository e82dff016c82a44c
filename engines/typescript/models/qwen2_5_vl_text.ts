/** The language model of qwen2_5_vl, read beside transformers 5.24.0, `models/qwen2_5_vl/modeling_qwen2_5_vl.py`: same classes, same order, same names. */
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { GatedMLP } from "../layers/gated_mlp.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { ModuleList } from "../layers/module.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import { position_embeddings, RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor } from "../tensor/tensor.ts";
import type { Qwen2_5_VLTextConfig } from "./qwen2_5_vl.config.ts";

export class Qwen2_5_VLRMSNorm extends RoundedRMSNorm {}

/** Cosines and sines of positions in time, height and width, each of which has its sections of the frequencies. */
export class Qwen2_5_VLRotaryEmbedding extends RotaryEmbedding {
  mrope_section: readonly number[];

  constructor(config: Qwen2_5_VLTextConfig, at: Scope) {
    super(config, at);
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
export class Qwen2_5_VLAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;

  constructor(config: Qwen2_5_VLTextConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias: true });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias: true });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias: true });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias: false });
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class Qwen2_5_VLDecoderLayer extends PreNormDecoderLayer {
  self_attn: Qwen2_5_VLAttention;
  mlp: Qwen2MLP;
  input_layernorm: Qwen2_5_VLRMSNorm;
  post_attention_layernorm: Qwen2_5_VLRMSNorm;

  constructor(config: Qwen2_5_VLTextConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const { hidden_act: activation, rms_norm_eps: eps } = config;
    const norm = { dim: size(config, "hidden_size"), eps, with_scale: true };
    this.self_attn = new Qwen2_5_VLAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = new Qwen2MLP(config, at.child("mlp"), { activation });
    this.input_layernorm = new Qwen2_5_VLRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new Qwen2_5_VLRMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

/** Embeddings in place of token ids -> normed hidden states [B, S, hidden_size]. */
export class Qwen2_5_VLTextModel extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<Qwen2_5_VLDecoderLayer>;
  norm: Qwen2_5_VLRMSNorm;
  rotary_emb: Qwen2_5_VLRotaryEmbedding;

  constructor(config: Qwen2_5_VLTextConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Qwen2_5_VLDecoderLayer(config, layer_idx, at),
    );
    this.norm = new Qwen2_5_VLRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps, with_scale: true });
    this.rotary_emb = new Qwen2_5_VLRotaryEmbedding(config, at.child("rotary_emb"));
  }
}
