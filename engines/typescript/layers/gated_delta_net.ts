import type { ActivationName } from "../kernels/activations.ts";
import { activations } from "../kernels/activations.ts";
import { gated_delta_rule, l2_norm } from "../kernels/gated_delta_rule.ts";
import { cast, mulRows, scale } from "../tensor/elementwise.ts";
import { split } from "../tensor/split.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { apply_mask_to_padding_states, CausalConv1d } from "./causal_conv1d.ts";
import { ConfigScope } from "./config_scope.ts";
import { ConfiguredModule } from "./configured_module.ts";
import type { LinearAttentionCacheLayer } from "./linear_attention_cache.ts";
import { addRows, pointwise, sigmoid, softplus } from "./pointwise.ts";
import type { Scope } from "./scope.ts";

/** The inputs of a linear-attention layer beside its hidden states. */
export interface LinearAttentionInputs {
  /** [B, S], 0 = padding. */
  readonly attention_mask: IndexTensor | null;
  readonly state: LinearAttentionCacheLayer | null;
}

/** The fields that a gated delta net is made from. */
export interface GatedDeltaNetConfig {
  readonly hidden_act: ActivationName;
  readonly linear_conv_kernel_dim: number;
  readonly linear_num_value_heads: number;
  readonly linear_num_key_heads: number;
  readonly linear_key_head_dim: number;
  readonly linear_value_head_dim: number;
}

/**
 * Linear attention by the gated delta rule: what is common to the layers that have it. How queries, keys, values,
 * gates, b and a lie in the projections is each architecture's own.
 */
export abstract class GatedDeltaNet<C extends GatedDeltaNetConfig> extends ConfiguredModule<C> {
  num_v_heads: number;
  num_k_heads: number;
  head_k_dim: number;
  head_v_dim: number;
  scaling: number;
  activation: (x: number) => number;
  conv1d: CausalConv1d;
  dt_bias: Tensor;
  A_log: Tensor;

  constructor(scope: Scope, config: C) {
    super(scope, config);
    const at: ConfigScope<GatedDeltaNetConfig> = new ConfigScope(scope, config);
    this.num_v_heads = this.config.linear_num_value_heads;
    this.num_k_heads = this.config.linear_num_key_heads;
    this.head_k_dim = this.config.linear_key_head_dim;
    this.head_v_dim = this.config.linear_value_head_dim;
    this.scaling = this.head_k_dim ** -0.5;
    this.activation = activations[this.config.hidden_act];
    this.conv1d = new CausalConv1d(at.child("conv1d"), {
      channels: at.sum(
        [2, "linear_num_key_heads", "linear_key_head_dim"],
        ["linear_num_value_heads", "linear_value_head_dim"],
      ),
      kernel: at.size("linear_conv_kernel_dim"),
      bias: false,
    });
    this.dt_bias = at.parameter("dt_bias", "linear_num_value_heads");
    this.A_log = at.parameter("A_log", "linear_num_value_heads");
  }

  mask_padding(hidden_states: Tensor, attention_mask: IndexTensor | null): Tensor {
    return apply_mask_to_padding_states(hidden_states, attention_mask);
  }

  convolve(mixed_qkv: Tensor, state: LinearAttentionCacheLayer | null): Tensor {
    return pointwise(this.conv1d.continue_from(state, mixed_qkv), this.activation);
  }

  /** The share of the difference to the new value that is taken up, [B, S, v_heads]. */
  beta(b: Tensor): Tensor {
    return sigmoid(b);
  }

  /** The logarithm of the decay [B, S, v_heads], in float32. */
  g(a: Tensor): Tensor {
    const steps = softplus(addRows(cast(a, "F32"), cast(this.dt_bias, "F32")));
    const rates = pointwise(cast(this.A_log, "F32"), (x) => -Math.exp(x));
    return mulRows(steps, rates);
  }

  /** Rows of unit length. */
  l2norm(x: Tensor): Tensor {
    return floatTensor(x.shape, x.data && l2_norm(x.data, this.head_k_dim, 1e-6));
  }

  /**
   * convolved [B, S, conv_dim], queries before keys before values -> [B, S, v_heads, Dv]; all in float32, in the dtype
   * of the model when done.
   */
  delta_rule(convolved: Tensor, { g, beta, state }: DeltaRuleOptions): Tensor {
    const { num_k_heads: key_heads, num_v_heads: value_heads, head_k_dim: key_dim, head_v_dim: value_dim } = this;
    const [batch, length] = convolved.shape as [number, number];
    const widths = [key_heads * key_dim, key_heads * key_dim, value_heads * value_dim] as const;
    const [queries, keys, value] = split(cast(convolved, "F32"), widths);
    const [query, key] = [scale(this.l2norm(queries), this.scaling), this.l2norm(keys)];
    const shape = [batch, length, value_heads, value_dim];
    const state_shape = [batch, value_heads, key_dim, value_dim];
    if (query.data === null || g.data === null) {
      state?.update_recurrent_state(floatTensor(state_shape, null));
      return floatTensor(shape, null, convolved.dtype);
    }
    const inputs = { query: query.data, key: key.data!, value: value.data!, g: g.data, beta: beta.data! };
    const sizes = { batch, length, key_heads, value_heads, key_dim, value_dim };
    const { out, state: last } = gated_delta_rule(inputs, sizes, state?.recurrent?.data ?? null);
    state?.update_recurrent_state(floatTensor(state_shape, last));
    return roundedTensor(shape, out, convolved.dtype);
  }
}

interface DeltaRuleOptions {
  readonly g: Tensor;
  readonly beta: Tensor;
  readonly state: LinearAttentionCacheLayer | null;
}
