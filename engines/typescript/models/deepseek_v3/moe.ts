/**
 * The experts of deepseek_v3, read beside transformers 5.24.0, `models/deepseek_v3/modeling_deepseek_v3.py`: same
 * classes, order and names.
 */
import { ConfigScope } from "../../layers/config_scope.ts";
import { ConfiguredModule } from "../../layers/configured_module.ts";
import { GatedExperts } from "../../layers/experts.ts";
import { GatedMLP } from "../../layers/gated_mlp.ts";
import { addRows, sigmoid } from "../../layers/pointwise.ts";
import type { ExpertIndices, Routing } from "../../layers/router.ts";
import { Router } from "../../layers/router.ts";
import type { Scope } from "../../layers/scope.ts";
import { add, cast, scale } from "../../tensor/elementwise.ts";
import { reshape } from "../../tensor/layout.ts";
import { split } from "../../tensor/split.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { DeepseekV3Config } from "./config.ts";

export class DeepseekV3MLP extends GatedMLP {}

/**
 * Scores experts by sigmoids in float32, and chooses among those of the best groups with a bias that their weights do
 * not have.
 */
export class DeepseekV3TopkRouter extends Router {
  routed_scaling_factor: number;
  num_group: number;
  topk_group: number;
  norm_topk_prob: boolean;
  e_score_correction_bias: Tensor;

  constructor(scope: Scope, given: DeepseekV3Config) {
    const at = new ConfigScope(scope, given);
    const { config } = at;
    const experts = at.size("n_routed_experts");
    super(scope, { hidden: at.size("hidden_size"), experts, top_k: config.num_experts_per_tok, dtype: "F32" });
    this.routed_scaling_factor = config.routed_scaling_factor;
    this.num_group = config.n_group;
    this.topk_group = config.topk_group;
    this.norm_topk_prob = config.norm_topk_prob;
    this.e_score_correction_bias = at.weight("e_score_correction_bias", [experts], "F32");
  }

  forward(hidden_states: Tensor): Routing {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [tokens, hidden_size]
    const router_logits = this.project(cast(tokens, "F32")); // [tokens, experts]
    const scores = sigmoid(router_logits);
    const topk_indices = this.choose(addRows(scores, this.e_score_correction_bias)); // [tokens, k]
    let topk_weights = this.gather(scores, topk_indices);
    // The reference adds 1e-20 to the sum: no number of float32 changes.
    if (this.norm_topk_prob) topk_weights = this.normalize(topk_weights);
    return [router_logits, scale(topk_weights, this.routed_scaling_factor), topk_indices];
  }

  /** The best experts of the `topk_group` groups in which the sum of the two best is largest. */
  choose(scores_for_choice: Tensor): ExpertIndices {
    const [tokens, experts] = [scores_for_choice.rows, scores_for_choice.size(-1)];
    const grouped = reshape(scores_for_choice, [tokens * this.num_group, experts / this.num_group]);
    const group_scores = reshape(this.sum_of_two_best(grouped), [tokens, this.num_group]);
    const group_idx = this.topk(group_scores, this.topk_group).data; // [tokens, topk_group]
    const masked = scores_for_choice.data?.map((score, i) => {
      const [token, group] = [Math.floor(i / experts), Math.floor((i % experts) / grouped.size(-1))];
      const chosen = group_idx?.subarray(token * this.topk_group, (token + 1) * this.topk_group);
      return chosen?.includes(group) ? score : -Infinity;
    });
    return this.topk(floatTensor(scores_for_choice.shape, masked ?? null), this.top_k);
  }

  /** [groups, experts of one] -> [groups]. */
  sum_of_two_best(grouped: Tensor): Tensor {
    const best = this.gather(grouped, this.topk(grouped, 2)); // [groups, 2]
    const [first, second] = split(best, [1, 1]);
    return add(first, second);
  }
}

export class DeepseekV3Experts extends GatedExperts {}

/** hidden_states [B, S, hidden_size] -> the same shape: routed experts, and shared ones that see every token. */
export class DeepseekV3MoE extends ConfiguredModule<DeepseekV3Config> {
  experts = this.at.experts("experts", DeepseekV3Experts, {
    experts: "n_routed_experts",
    intermediate: "moe_intermediate_size",
    activation: this.config.hidden_act,
  });
  gate = this.at.module("gate", DeepseekV3TopkRouter);
  shared_experts = this.at.module("shared_experts", DeepseekV3MLP, {
    activation: this.config.hidden_act,
    intermediate: this.at.size(["moe_intermediate_size", "n_shared_experts"]),
  });

  forward(hidden_states: Tensor): Tensor {
    const residuals = hidden_states;
    const [, topk_weights, topk_indices] = this.gate.call(hidden_states); // [B * S, k]
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    hidden_states = reshape(this.experts.call(tokens, topk_indices, topk_weights), hidden_states.shape);
    return add(hidden_states, this.shared_experts.call(residuals));
  }
}
