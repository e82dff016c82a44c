/**
 * The layers of gemma4's language model, read beside transformers 5.24.0, `models/gemma4/modeling_gemma4.py`: same
 * classes, order and names. `model.ts` holds the model and its root.
 */
import type { Activation } from "../../layers/activations.ts";
import { ConfigScope } from "../../layers/config_scope.ts";
import { LayerModule } from "../../layers/configured_module.ts";
import { GatedExperts } from "../../layers/experts.ts";
import { GatedMLP } from "../../layers/gated_mlp.ts";
import type { KVSharingInputs } from "../../layers/kv_sharing_attention.ts";
import { KVSharingAttention } from "../../layers/kv_sharing_attention.ts";
import { mlp_size } from "../../layers/kv_sharing_config.ts";
import { LayerTypeRotaryEmbedding } from "../../layers/layer_type_rotary_embedding.ts";
import type { Linear } from "../../layers/linear.ts";
import { RMSNorm } from "../../layers/normalization.ts";
import { pointwise } from "../../layers/pointwise.ts";
import type { ExpertIndices, Routing } from "../../layers/router.ts";
import { ExpertChoice } from "../../layers/router.ts";
import type { Scope } from "../../layers/scope.ts";
import { add, cast, mul, mulRows, scale } from "../../tensor/elementwise.ts";
import { reshape } from "../../tensor/layout.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Gemma4TextConfig } from "./config.ts";

/** RMS norm times `weight` (not `1 + weight`), or without a weight. */
export class Gemma4RMSNorm extends RMSNorm {}

/**
 * Gated MLP, twice as wide in layers that reuse keys when `use_double_wide_mlp`: x [B, S, hidden_size] -> the same
 * shape.
 */
export class Gemma4TextMLP extends GatedMLP {
  constructor(at: Scope, config: Gemma4TextConfig, layer_idx: number) {
    const own = at.read(config);
    super(at, config, { activation: own.hidden_activation, intermediate: mlp_size(own, layer_idx) });
  }
}

export class Gemma4TextRotaryEmbedding extends LayerTypeRotaryEmbedding {}

export class Gemma4TextAttention extends KVSharingAttention {
  constructor(at: Scope, config: Gemma4TextConfig, layer_idx: number) {
    super(at, config, { layer_idx, Norm: Gemma4RMSNorm });
  }
}

export class Gemma4TextExperts extends GatedExperts {}

/** hidden_states [tokens, hidden_size] -> probabilities of all experts, and weights and numbers of the chosen ones. */
export class Gemma4TextRouter extends ExpertChoice {
  top_k_experts: number;
  scalar_root_size: number;
  norm: Gemma4RMSNorm;
  proj: Linear;
  scale: Tensor;
  per_expert_scale: Tensor;

  constructor(scope: Scope, given: Gemma4TextConfig) {
    super(scope);
    const at = new ConfigScope(scope, given);
    this.top_k_experts = at.config.top_k_experts!;
    this.scalar_root_size = at.config.hidden_size ** -0.5;
    this.norm = at.norm("norm", Gemma4RMSNorm, "hidden_size", { with_scale: false });
    this.proj = at.linear("proj", "hidden_size", "num_experts", { bias: false });
    this.scale = at.parameter("scale", "hidden_size");
    this.per_expert_scale = at.parameter("per_expert_scale", "num_experts");
  }

  forward(hidden_states: Tensor): Routing {
    hidden_states = this.norm.call(hidden_states);
    hidden_states = scale(mulRows(hidden_states, this.scale), this.scalar_root_size);
    const expert_scores = this.proj.call(hidden_states); // [tokens, experts]
    const router_probabilities = this.softmax(cast(expert_scores, "F32"), "F32");
    const top_k_index = this.topk(router_probabilities, this.top_k_experts); // [tokens, k]
    const top_k_weights = this.normalize(this.gather(router_probabilities, top_k_index));
    return [router_probabilities, this.scale_experts(top_k_weights, top_k_index), top_k_index];
  }

  /** Weights times the scale of their experts. */
  scale_experts(top_k_weights: Tensor, { data }: ExpertIndices): Tensor {
    const scales = this.per_expert_scale.data;
    return pointwise(top_k_weights, (weight, i) => weight * scales![data![i]!]!);
  }
}

/**
 * The inputs of a layer beside its hidden states; `per_layer_input` [B, S, hidden_size_per_layer_input] where the model
 * has such inputs.
 */
export interface DecoderLayerInputs extends KVSharingInputs {
  readonly per_layer_input: Tensor | null;
}

/** The children of a layer that read the input which it alone gets. */
interface PerLayerInput {
  readonly act_fn: Activation;
  readonly per_layer_input_gate: Linear;
  readonly per_layer_projection: Linear;
  readonly post_per_layer_input_norm: Gemma4RMSNorm;
}

/** The mixture of experts beside a layer's MLP. */
interface MoeBlock {
  readonly router: Gemma4TextRouter;
  readonly experts: Gemma4TextExperts;
  readonly post_feedforward_layernorm_1: Gemma4RMSNorm;
  readonly post_feedforward_layernorm_2: Gemma4RMSNorm;
  readonly pre_feedforward_layernorm_2: Gemma4RMSNorm;
}

/** One layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class Gemma4TextDecoderLayer extends LayerModule<Gemma4TextConfig> {
  self_attn = this.at.module("self_attn", Gemma4TextAttention, this.layer_idx);
  mlp = this.at.module("mlp", Gemma4TextMLP, this.layer_idx);
  input_layernorm = this.at.norm("input_layernorm", Gemma4RMSNorm, "hidden_size");
  post_attention_layernorm = this.at.norm("post_attention_layernorm", Gemma4RMSNorm, "hidden_size");
  pre_feedforward_layernorm = this.at.norm("pre_feedforward_layernorm", Gemma4RMSNorm, "hidden_size");
  post_feedforward_layernorm = this.at.norm("post_feedforward_layernorm", Gemma4RMSNorm, "hidden_size");
  layer_scalar = this.at.parameter("layer_scalar", 1);
  per_layer = this.config.hidden_size_per_layer_input > 0 ? this.per_layer_children() : null;
  moe = this.config.enable_moe_block ? this.moe_children() : null;

  per_layer_children(): PerLayerInput {
    return {
      act_fn: this.at.activation("act_fn", this.config.hidden_activation),
      per_layer_input_gate: this.at.linear("per_layer_input_gate", "hidden_size", "hidden_size_per_layer_input", {
        bias: false,
      }),
      per_layer_projection: this.at.linear("per_layer_projection", "hidden_size_per_layer_input", "hidden_size", {
        bias: false,
      }),
      post_per_layer_input_norm: this.at.norm("post_per_layer_input_norm", Gemma4RMSNorm, "hidden_size"),
    };
  }

  moe_children(): MoeBlock {
    return {
      router: this.at.module("router", Gemma4TextRouter),
      experts: this.at.experts("experts", Gemma4TextExperts, {
        experts: "num_experts",
        intermediate: "moe_intermediate_size",
        activation: this.config.hidden_activation,
      }),
      post_feedforward_layernorm_1: this.at.norm("post_feedforward_layernorm_1", Gemma4RMSNorm, "hidden_size"),
      post_feedforward_layernorm_2: this.at.norm("post_feedforward_layernorm_2", Gemma4RMSNorm, "hidden_size"),
      pre_feedforward_layernorm_2: this.at.norm("pre_feedforward_layernorm_2", Gemma4RMSNorm, "hidden_size"),
    };
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    const attn_output = this.self_attn.call(this.input_layernorm.call(hidden_states), inputs);
    hidden_states = add(hidden_states, this.post_attention_layernorm.call(attn_output));

    const residual = hidden_states;
    hidden_states = this.mlp.call(this.pre_feedforward_layernorm.call(hidden_states));
    if (this.moe !== null) hidden_states = this.add_experts(hidden_states, residual, this.moe);
    hidden_states = add(residual, this.post_feedforward_layernorm.call(hidden_states));

    if (this.per_layer !== null)
      hidden_states = this.add_per_layer_input(hidden_states, inputs.per_layer_input!, this.per_layer);
    return scale(hidden_states, this.layer_scalar); // scales the residual stream too
  }

  /** The MLP's output plus that of the experts, which read the residual stream before the MLP's norm. */
  add_experts(hidden_states: Tensor, residual: Tensor, moe: MoeBlock): Tensor {
    const hidden_states_1 = moe.post_feedforward_layernorm_1.call(hidden_states);
    const hidden_states_flat = reshape(residual, [-1, residual.size(-1)]); // [B * S, hidden_size]
    const [, top_k_weights, top_k_index] = moe.router.call(hidden_states_flat); // [B * S, k]
    let hidden_states_2 = moe.pre_feedforward_layernorm_2.call(hidden_states_flat);
    hidden_states_2 = moe.experts.call(hidden_states_2, top_k_index, top_k_weights);
    hidden_states_2 = moe.post_feedforward_layernorm_2.call(reshape(hidden_states_2, residual.shape));
    return add(hidden_states_1, hidden_states_2);
  }

  /** The residual stream plus what its gate lets through of the layer's own input. */
  add_per_layer_input(residual: Tensor, per_layer_input: Tensor, at: PerLayerInput): Tensor {
    let hidden_states = at.per_layer_input_gate.call(residual); // [B, S, hidden_size_per_layer_input]
    hidden_states = mul(at.act_fn.call(hidden_states), per_layer_input);
    hidden_states = at.per_layer_projection.call(hidden_states); // [B, S, hidden_size]
    return add(residual, at.post_per_layer_input_norm.call(hidden_states));
  }
}
