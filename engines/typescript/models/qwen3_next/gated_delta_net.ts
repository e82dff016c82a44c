/**
 * The linear attention of qwen3_next, read beside transformers 5.24.0, `models/qwen3_next/modeling_qwen3_next.py`: same
 * classes, order and names.
 */
import type { LinearAttentionInputs } from "../../layers/gated_delta_net.ts";
import { GatedDeltaNet } from "../../layers/gated_delta_net.ts";
import { RoundedRMSNorm } from "../../layers/normalization.ts";
import { silu } from "../../layers/pointwise.ts";
import { cast, mul } from "../../tensor/elementwise.ts";
import { concat, reshape } from "../../tensor/layout.ts";
import { split, transposeLast } from "../../tensor/split.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Qwen3NextConfig } from "./config.ts";

/** An RMS norm, then the gate: of hidden_states and gate [tokens * heads, D]. */
export class Qwen3NextRMSNormGated extends RoundedRMSNorm {
  override forward(hidden_states: Tensor, gate?: Tensor): Tensor {
    const normed = cast(super.forward(hidden_states), "F32");
    return cast(mul(normed, silu(cast(gate!, "F32"))), hidden_states.dtype);
  }
}

/** Linear attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Qwen3NextGatedDeltaNet extends GatedDeltaNet<Qwen3NextConfig> {
  in_proj_qkvz = this.at.linear(
    "in_proj_qkvz",
    "hidden_size",
    this.at.sum(
      [2, "linear_num_key_heads", "linear_key_head_dim"],
      [2, "linear_num_value_heads", "linear_value_head_dim"],
    ),
    { bias: false },
  );
  in_proj_ba = this.at.linear("in_proj_ba", "hidden_size", [2, "linear_num_value_heads"], { bias: false });
  norm = this.at.norm("norm", Qwen3NextRMSNormGated, "linear_value_head_dim");
  out_proj = this.at.linear("out_proj", ["linear_num_value_heads", "linear_value_head_dim"], "hidden_size", {
    bias: false,
  });

  /**
   * Queries and keys [B, S, k_heads * Dk], values and gates z [B, S, v_heads * Dv], b and a [B, S, v_heads]: in both
   * projections they lie side by side within each key head.
   */
  fix_query_key_value_ordering(mixed_qkvz: Tensor, mixed_ba: Tensor) {
    const { num_k_heads, head_k_dim, head_v_dim } = this;
    const [batch, length] = mixed_qkvz.shape as [number, number];
    const per_key = this.num_v_heads / num_k_heads;
    const by_key = (mixed: Tensor) => reshape(mixed, [batch, length, num_k_heads, -1]);
    const flat = (x: Tensor) => reshape(x, [batch, length, -1]);
    const widths = [head_k_dim, head_k_dim, per_key * head_v_dim, per_key * head_v_dim] as const;
    const [query, key, value, z] = split(by_key(mixed_qkvz), widths);
    const [b, a] = split(by_key(mixed_ba), [per_key, per_key]);
    return { query: flat(query), key: flat(key), value: flat(value), z: flat(z), b: flat(b), a: flat(a) };
  }

  forward(hidden_states: Tensor, { attention_mask, state }: LinearAttentionInputs): Tensor {
    hidden_states = this.mask_padding(hidden_states, attention_mask);
    const qkvz = this.in_proj_qkvz.call(hidden_states);
    const ba = this.in_proj_ba.call(hidden_states);
    const { query, key, value, z, b, a } = this.fix_query_key_value_ordering(qkvz, ba);
    const mixed_qkv = this.convolve(transposeLast(concat([query, key, value], 2)), state); // [B, conv_dim, S]
    const options = { g: this.g(a), beta: this.beta(b), state };
    let core_attn_out = this.delta_rule(transposeLast(mixed_qkv), options); // [B, S, v_heads, Dv]
    const rows = [-1, this.head_v_dim];
    core_attn_out = this.norm.call(reshape(core_attn_out, rows), reshape(z, rows)); // [B * S * v_heads, Dv]
    return this.out_proj.call(reshape(core_attn_out, z.shape)); // [B, S, hidden_size]
  }
}
