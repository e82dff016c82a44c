/**
 * The vision tower of qwen2_5_vl, read beside transformers 5.24.0, `models/qwen2_5_vl/modeling_qwen2_5_vl.py`: same
 * classes, order and names.
 */
import { rotary_tables } from "../../kernels/rotary.ts";
import { Activation } from "../../layers/activations.ts";
import type { DecoderLayerInputs } from "../../layers/attention.ts";
import { Attention } from "../../layers/attention.ts";
import { AttentionCore } from "../../layers/attention_core.ts";
import { ConfiguredModule, LayerModule } from "../../layers/configured_module.ts";
import { GatedMLP } from "../../layers/gated_mlp.ts";
import { Linear } from "../../layers/linear.ts";
import { RoundedRMSNorm } from "../../layers/normalization.ts";
import { WholePatchConvolution } from "../../layers/patch_convolution.ts";
import type { RopeInit } from "../../layers/rope_init.ts";
import { compute_default_rope_parameters } from "../../layers/rope_init.ts";
import type { PositionEmbeddings } from "../../layers/rotary_embedding.ts";
import { apply_rotary_pos_emb, position_embeddings } from "../../layers/rotary_embedding.ts";
import { Sequential } from "../../layers/sequential.ts";
import {
  get_vision_cu_seqlens,
  get_vision_position_ids,
  get_vision_window_index,
  packed_mask,
  take_groups,
} from "../../layers/vision_grid.ts";
import { add, cast } from "../../tensor/elementwise.ts";
import { reshape } from "../../tensor/layout.ts";
import { takeRows } from "../../tensor/select.ts";
import { split } from "../../tensor/split.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import { indexTensor } from "../../tensor/tensor.ts";
import type { Qwen2_5_VLVisionConfig } from "./config.ts";

export class Qwen2_5_VLRMSNorm extends RoundedRMSNorm {}

export class Qwen2_5_VLMLP extends GatedMLP {}

/** Patches [patches, channels * frames * height * width] -> [patches, hidden_size]. */
export class Qwen2_5_VisionPatchEmbed extends ConfiguredModule<Qwen2_5_VLVisionConfig> {
  proj = new WholePatchConvolution(this.at.child("proj"), {
    channels: this.at.size("in_channels"),
    out: this.at.size("hidden_size"),
    kernel: [this.at.size("temporal_patch_size"), this.at.size("patch_size"), this.at.size("patch_size")],
  });

  forward(hidden_states: Tensor): Tensor {
    const [embed_dim, ...patch] = this.proj.weight.shape as [number, ...number[]];
    return reshape(this.proj.call(reshape(hidden_states, [-1, ...patch])), [-1, embed_dim]);
  }
}

/**
 * Tables of rows and columns, of which each has half of the frequencies: x and position_ids [patches, 2] -> [patches,
 * head_dim], in float32.
 */
export class Qwen2_5_VLVisionRotaryEmbedding extends ConfiguredModule<Qwen2_5_VLVisionConfig> {
  spatial_dim = Math.floor(this.config.head_dim / 2);
  rope: RopeInit = compute_default_rope_parameters(this.config.rope_parameters, this.spatial_dim);

  forward(x: Tensor, position_ids: IndexTensor): PositionEmbeddings {
    const { inv_freq, attention_scaling } = this.rope;
    const patches = indexTensor(
      [position_ids.size(0)],
      position_ids.data.filter((_, i) => i % 2 === 0),
    );
    return position_embeddings(cast(x, "F32"), patches, {
      width: inv_freq.length * 4,
      tables: () => {
        // Row and column of a patch are two positions one behind the other: [patches * 2, inv_freq * 2].
        const { cos, sin } = rotary_tables(position_ids.data, inv_freq, attention_scaling);
        return { cos: this.recomposition_frequencies(cos), sin: this.recomposition_frequencies(sin) };
      },
    });
  }

  /** [patches, 2, frequencies twice] -> [patches, rows' and columns' frequencies, twice]. */
  recomposition_frequencies(freq: Float32Array): Float32Array {
    const half = this.rope.inv_freq.length;
    return freq.map((_, i) => {
      const [patch, channel] = [Math.floor(i / (4 * half)), i % (2 * half)];
      const axis = channel < half ? 0 : 1; // h, w
      return freq[(patch * 2 + axis) * 2 * half + (channel % half)]!;
    });
  }
}

/** Tokens of merged patches: x [patches, hidden_size] -> [tokens, out_hidden_size]. */
export class Qwen2_5_VLPatchMerger extends ConfiguredModule<Qwen2_5_VLVisionConfig> {
  merged = this.at.size(["hidden_size", "spatial_merge_size", "spatial_merge_size"]);
  hidden_size = this.merged.value;
  ln_q = this.at.norm("ln_q", Qwen2_5_VLRMSNorm, "hidden_size", { eps: 1e-6 });
  mlp = new Sequential(this.at.child("mlp"), [
    (at) => new Linear(at, { in: this.merged, out: this.merged, bias: true }),
    (at) => new Activation(at, "gelu"),
    (at) => new Linear(at, { in: this.merged, out: this.at.size("out_hidden_size"), bias: true }),
  ]);

  forward(x: Tensor): Tensor {
    return this.mlp.call(reshape(this.ln_q.call(x), [-1, this.hidden_size]));
  }
}

/** Queries or keys rotated in float32: x [1, patches, heads, D], cos and sin [patches, D]. */
export function apply_rotary_pos_emb_vision(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const tables = [reshape(cos, [1, ...cos.shape]), reshape(sin, [1, ...sin.shape])] as const;
  return cast(apply_rotary_pos_emb(cast(x, "F32"), ...tables), x.dtype);
}

/**
 * Attention of one block, in which a patch sees those of its window or frame: hidden_states [patches, hidden_size] ->
 * the same shape.
 */
export class Qwen2_5_VLVisionAttention extends Attention<Qwen2_5_VLVisionConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  qkv = this.at.linear("qkv", "hidden_size", ["hidden_size", 3]);
  proj = this.at.linear("proj", "hidden_size", "hidden_size");

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const [seq_length, dim] = hidden_states.shape as [number, number];
    const qkv = split(reshape(this.qkv.call(hidden_states), [1, seq_length, 3 * dim]), [dim, dim, dim]);
    const [query, key, value_states] = qkv.map((states) => this.split_heads(states)) as [Tensor, Tensor, Tensor];
    const [query_states, key_states] = this.rotate([query, key], inputs.position_embeddings); // [1, patches, heads, D]
    const attn_output = this.attend([query_states, key_states, value_states], inputs);
    return this.proj.call(reshape(attn_output, [seq_length, dim]));
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return apply_rotary_pos_emb_vision(x, cos, sin);
  }
}

export class Qwen2_5_VLVisionBlock extends LayerModule<Qwen2_5_VLVisionConfig> {
  norm1 = this.at.norm("norm1", Qwen2_5_VLRMSNorm, "hidden_size", { eps: 1e-6 });
  norm2 = this.at.norm("norm2", Qwen2_5_VLRMSNorm, "hidden_size", { eps: 1e-6 });
  attn = this.at.module("attn", Qwen2_5_VLVisionAttention, this.layer_idx);
  mlp = this.at.module("mlp", Qwen2_5_VLMLP, { activation: this.config.hidden_act, bias: true });

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    hidden_states = add(hidden_states, this.attn.call(this.norm1.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.norm2.call(hidden_states)));
  }
}

/**
 * The tower: patches [patches, patch_dim] and grid_thw [items, 3] -> last_hidden_state in the order of windows, and
 * tokens in their own.
 */
export class Qwen2_5_VisionTransformerPretrainedModel extends ConfiguredModule<Qwen2_5_VLVisionConfig> {
  spatial_merge_size = this.config.spatial_merge_size;
  patch_size = this.config.patch_size;
  fullatt_block_indexes: readonly number[] = this.config.fullatt_block_indexes;
  window_size = this.config.window_size;
  spatial_merge_unit = this.spatial_merge_size ** 2;
  patch_embed = this.at.module("patch_embed", Qwen2_5_VisionPatchEmbed);
  rotary_pos_emb = this.at.module("rotary_pos_emb", Qwen2_5_VLVisionRotaryEmbedding);
  blocks = this.at.list("blocks", Qwen2_5_VLVisionBlock, "depth");
  merger = this.at.module("merger", Qwen2_5_VLPatchMerger);

  permute_input_for_window_attn(input_tensor: Tensor, window_index: Int32Array): Tensor {
    return take_groups(input_tensor, window_index, this.spatial_merge_unit);
  }

  /** The places where the sequences begin that a block attends within, and the end of the last one. */
  seqlens_of_block(layer_num: number, { cu_seqlens, cu_window_seqlens }: Seqlens): readonly number[] {
    return this.fullatt_block_indexes.includes(layer_num) ? cu_seqlens : cu_window_seqlens;
  }

  /** Tokens in their own order again. */
  reverse_windows(merged_hidden_states: Tensor, window_index: Int32Array): Tensor {
    const reverse_indices = new Int32Array(window_index.length);
    for (const [place, token] of window_index.entries()) reverse_indices[token] = place;
    return takeRows(merged_hidden_states, reverse_indices);
  }

  forward(hidden_states: Tensor, grid_thw: IndexTensor): readonly [last_hidden_state: Tensor, pooler_output: Tensor] {
    const position_ids = get_vision_position_ids(grid_thw, this.spatial_merge_size);
    const cu_seqlens = get_vision_cu_seqlens(grid_thw);
    const { window_index, cu_window_seqlens } = get_vision_window_index(grid_thw, this);

    hidden_states = this.patch_embed.call(hidden_states); // [patches, hidden_size]
    hidden_states = this.permute_input_for_window_attn(hidden_states, window_index);
    const tables = this.rotary_pos_emb.call(hidden_states, position_ids);
    const [cos, sin] = tables.map((freq) => this.permute_input_for_window_attn(freq, window_index)) as [Tensor, Tensor];
    for (const [layer_num, blk] of this.blocks.elements.entries()) {
      const attention_mask = packed_mask(
        this.context,
        this.seqlens_of_block(layer_num, { cu_seqlens, cu_window_seqlens }),
      );
      hidden_states = blk.call(hidden_states, { attention_mask, position_embeddings: [cos, sin], cache: null });
    }
    const merged_hidden_states = this.merger.call(hidden_states); // [tokens, out_hidden_size]
    return [hidden_states, this.reverse_windows(merged_hidden_states, window_index)];
  }
}

/** Ends of the sequences that are packed one behind the other, in patches: frames, and windows. */
interface Seqlens {
  readonly cu_seqlens: readonly number[];
  readonly cu_window_seqlens: readonly number[];
}
