/** mamba2, read beside transformers 5.24.0, `models/mamba2/modeling_mamba2.py`: same classes, order and names. */
import { z } from "zod";
import { rms_norm } from "../kernels/normalization.ts";
import type { ScanSizes } from "../kernels/selective_scan.ts";
import { selective_scan } from "../kernels/selective_scan.ts";
import { apply_mask_to_padding_states, CausalConv1d } from "../layers/causal_conv1d.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { activation, configSchema, count, float, tokenId, unread } from "../layers/config_schema.ts";
import { ConfiguredModule, LayerModule } from "../layers/configured_module.ts";
import { DecoderForCausalLM } from "../layers/decoder.ts";
import type { LinearAttentionCacheLayer } from "../layers/linear_attention_cache.ts";
import { RoundedRMSNorm } from "../layers/normalization.ts";
import { addRows, silu, softplus } from "../layers/pointwise.ts";
import { add, cast, mul, mulRows } from "../tensor/elementwise.ts";
import { round } from "../tensor/rounding.ts";
import { split, transposeLast } from "../tensor/split.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { floatTensor, roundedTensor } from "../tensor/tensor.ts";

/** `Mamba2Config`, with its defaults. */
export const Mamba2Config = configSchema({
  model_type: z.literal("mamba2").default("mamba2"),
  num_heads: count.default(128),
  head_dim: count.default(64),
  vocab_size: count.default(32_768),
  hidden_size: count.default(4096),
  state_size: count.default(128),
  num_hidden_layers: count.default(64),
  layer_norm_epsilon: z.number().default(1e-5),
  pad_token_id: tokenId.default(1),
  expand: count.default(2),
  conv_kernel: count.default(4),
  n_groups: count.default(8),
  use_bias: z.boolean().default(false),
  use_conv_bias: z.boolean().default(true),
  hidden_act: activation.default("silu"),
  residual_in_fp32: z.boolean().default(true),
  time_step_limit: z.tuple([float, float]).default([0, Infinity]),
  chunk_size: count.default(256), // how the reference orders its sums; changes no value
  tie_word_embeddings: z.boolean().default(false),
  // Of the initialisation, or not read:
  ...unread("time_step_rank time_step_min time_step_max time_step_floor rescale_prenorm_residual rms_norm"),
  ...unread("norm_before_gate"),
})
  .refine(({ hidden_size, expand, num_heads, head_dim }) => hidden_size * expand === num_heads * head_dim, {
    message: "hidden_size * expand must equal num_heads * head_dim",
  })
  .transform((fields) => ({
    ...fields,
    intermediate_size: fields.expand * fields.hidden_size,
    layer_types: Array.from({ length: fields.num_hidden_layers }, () => "linear_attention" as const),
  }));
export type Mamba2Config = z.output<typeof Mamba2Config>;

/** The inputs of a block beside its hidden states. */
interface BlockInputs {
  /** [B, S], 0 = padding. */
  readonly attention_mask: IndexTensor | null;
  readonly state: LinearAttentionCacheLayer | null;
}

/** An RMS norm of `hidden_states * silu(gate)`, over each group of channels by itself. */
export class MambaRMSNormGated extends ConfiguredModule<Mamba2Config> {
  weight = this.at.parameter("weight", ["expand", "hidden_size"]);
  eps = this.config.layer_norm_epsilon;
  group_size = Math.floor(this.config.intermediate_size / this.config.n_groups);

  forward(hidden_states: Tensor, gate: Tensor): Tensor {
    const { dtype, shape } = hidden_states;
    const { data } = this.gate(cast(hidden_states, "F32"), cast(gate, "F32"));
    const normed = floatTensor(shape, data && rms_norm(data, this.group_size, this.eps));
    return mulRows(cast(normed, dtype), this.weight);
  }

  gate(hidden_states: Tensor, gate: Tensor): Tensor {
    return mul(hidden_states, silu(gate));
  }
}

/** The state-space mixer of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Mamba2Mixer extends LayerModule<Mamba2Config> {
  num_heads = this.config.num_heads;
  n_groups = this.config.n_groups;
  head_dim = this.config.head_dim;
  ssm_state_size = this.config.state_size;
  intermediate_size = this.config.intermediate_size;
  time_step_limit: readonly [min: number, max: number] = this.config.time_step_limit;
  conv_dim = this.at.sum(["expand", "hidden_size"], [2, "n_groups", "state_size"]);
  projection_size = this.at.sum(["expand", "hidden_size"], this.conv_dim, "num_heads");
  act = this.at.activation("act", this.config.hidden_act);
  conv1d = new CausalConv1d(this.at.child("conv1d"), {
    channels: this.conv_dim,
    kernel: this.at.size("conv_kernel"),
    bias: this.config.use_conv_bias,
  });
  in_proj = this.at.linear("in_proj", "hidden_size", this.projection_size, { bias: "use_bias" });
  dt_bias = this.at.parameter("dt_bias", "num_heads");
  A_log = this.at.parameter("A_log", "num_heads");
  norm = this.at.module("norm", MambaRMSNormGated);
  D = this.at.parameter("D", "num_heads");
  out_proj = this.at.linear("out_proj", ["expand", "hidden_size"], "hidden_size", { bias: "use_bias" });

  forward(hidden_states: Tensor, { attention_mask, state }: BlockInputs): Tensor {
    const { dtype } = hidden_states;
    const recurrent = state?.recurrent != null && hidden_states.size(1) === 1;
    // 1. Gated MLP's linear projection
    const projected_states = this.in_proj.call(this.mask_padding(hidden_states, attention_mask));
    const [gate, hidden_states_B_C, dt] = this.split_projection(projected_states);
    // 2. Convolution sequence transformation
    const convolved = transposeLast(this.convolve(transposeLast(hidden_states_B_C), state)); // [B, S, conv_dim]
    const [x, B, C] = this.split_states(this.mask_padding(convolved, attention_mask));
    // 3. SSM transformation
    const scan_output = this.scan([x, B, C], this.discretize(dt, recurrent), { state, recurrent });
    // 4. Final linear projection
    return this.out_proj.call(cast(this.norm.call(scan_output, gate), dtype));
  }

  mask_padding(hidden_states: Tensor, attention_mask: IndexTensor | null): Tensor {
    return apply_mask_to_padding_states(hidden_states, attention_mask);
  }

  split_projection(projected_states: Tensor): [gate: Tensor, hidden_states_B_C: Tensor, dt: Tensor] {
    const { intermediate_size, num_heads } = this;
    return split(projected_states, [intermediate_size, this.conv1d.weight.size(0), num_heads]);
  }

  split_states(hidden_states_B_C: Tensor): [hidden_states: Tensor, B: Tensor, C: Tensor] {
    const states = this.n_groups * this.ssm_state_size;
    return split(hidden_states_B_C, [this.intermediate_size, states, states]);
  }

  /** hidden_states_B_C [B, conv_dim, S] behind those of earlier forwards, convolved and activated: the same shape. */
  convolve(hidden_states_B_C: Tensor, state: LinearAttentionCacheLayer | null): Tensor {
    return this.act.forward(this.conv1d.continue_from(state, hidden_states_B_C));
  }

  /** Time steps [B, S, heads]; the reference clamps them in its chunk form alone. */
  discretize(dt: Tensor, recurrent: boolean): Tensor {
    const steps = softplus(addRows(dt, this.dt_bias));
    const [min, max] = this.time_step_limit;
    if (recurrent) return steps;
    return floatTensor(steps.shape, steps.data && steps.data.map((x) => Math.min(Math.max(x, min), max)), steps.dtype);
  }

  /** `-exp(A_log)` [heads], in float32. */
  A(): Float32Array | null {
    return this.A_log.data && this.A_log.data.map((x) => -Math.exp(x));
  }

  /** Runs the recurrence: [B, S, intermediate_size] in float32, and of a single token in the model's dtype. */
  scan(
    [x, B, C]: readonly [Tensor, Tensor, Tensor],
    dt: Tensor,
    { state, recurrent }: { state: LinearAttentionCacheLayer | null; recurrent: boolean },
  ): Tensor {
    const dtype = recurrent ? x.dtype : "F32";
    const [batch, length] = x.shape as [number, number, number];
    const { num_heads: heads, n_groups: groups, head_dim: dim, ssm_state_size: state_size } = this;
    const shape = [batch, heads, dim, state_size];
    if (x.data === null) {
      state?.update_recurrent_state(floatTensor(shape, null));
      return floatTensor(x.shape, null, dtype);
    }
    const inputs = { x: x.data, dt: dt.data!, A: this.A()!, B: B.data!, C: C.data!, D: this.D.data! };
    const sizes: ScanSizes = { batch, length, heads, groups, dim, state_size };
    const start = { state: state?.recurrent?.data ?? null, round: dtype === "F32" ? null : round[dtype] };
    const { y, state: final } = selective_scan(inputs, sizes, start);
    state?.update_recurrent_state(floatTensor(shape, final));
    return roundedTensor(x.shape, y, dtype);
  }
}

export class Mamba2RMSNorm extends RoundedRMSNorm {}

/** One layer: hidden_states [B, S, hidden_size] -> the same shape, in float32 when `residual_in_fp32`. */
export class Mamba2Block extends LayerModule<Mamba2Config> {
  residual_in_fp32 = this.config.residual_in_fp32;
  norm = this.at.norm("norm", Mamba2RMSNorm, "hidden_size", { eps: "layer_norm_epsilon" });
  mixer = this.at.module("mixer", Mamba2Mixer, this.layer_idx);

  forward(hidden_states: Tensor, inputs: BlockInputs): Tensor {
    const residual = this.residual_in_fp32 ? cast(hidden_states, "F32") : hidden_states;
    hidden_states = this.norm.call(cast(hidden_states, this.norm.weight!.dtype));
    return add(residual, this.mixer.call(hidden_states, inputs));
  }
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class Mamba2Model extends ConfiguredModule<Mamba2Config> {
  embeddings = this.at.embedding("embeddings", "vocab_size", "hidden_size");
  layers = this.at.list("layers", Mamba2Block, "num_hidden_layers");
  norm_f = this.at.norm("norm_f", Mamba2RMSNorm, "hidden_size", { eps: "layer_norm_epsilon" });

  forward(input_ids: IndexTensor, { attention_masks, cache }: CausalModelInputs): Tensor {
    let hidden_states = this.embeddings.call(input_ids); // [B, S, hidden_size]
    const attention_mask = attention_masks.linear_attention ?? null;
    for (const [i, mixer_block] of this.layers.elements.entries()) {
      const states = hidden_states;
      hidden_states = scratch(() => mixer_block.call(states, { attention_mask, state: cache?.states[i] ?? null }));
    }
    return this.norm_f.call(hidden_states);
  }
}

export class Mamba2ForCausalLM extends DecoderForCausalLM<Mamba2Config> {
  backbone = this.at.module("backbone", Mamba2Model);
  lm_head = this.head("backbone.embeddings.weight");

  get model(): Mamba2Model {
    return this.backbone;
  }

  override forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const hidden_states = this.backbone.call(input_ids, inputs);
    return cast(this.lm_head.call(cast(hidden_states, this.lm_head.weight.dtype)), "F32"); // [B, S, vocab_size]
  }
}
