/** Faults of deepseek_v3 ports: latent attention, and a router that chooses groups first. */
import type { BuiltModel } from "../fault.ts";
import { addRows, sigmoid } from "../layers/pointwise.ts";
import type { DeepseekV3Attention } from "../models/deepseek_v3/model.ts";
import type { DeepseekV3MoE } from "../models/deepseek_v3/moe.ts";
import { add, scale } from "../tensor/elementwise.ts";
import { reshape } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { change, norm, part, pickChannels, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "deepseek_v3";

const attention = (model: BuiltModel, layer: number): DeepseekV3Attention =>
  part(model, `${textOnlyLayers}.${layer}.self_attn`);
const mixture = (model: BuiltModel): DeepseekV3MoE => part(model, `${textOnlyLayers}.1.mlp`);

export const mscaleMissing: PlantedFault = {
  id: "mobius-mla-mscale",
  title: "scores of latent attention without the square of YaRN's mscale",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.0.self_attn#scores`,
  model(model) {
    const faulty = attention(model, 0);
    faulty.scaling = faulty.qk_head_dim ** -0.5;
  },
};

export const scaleOfUnrotated: PlantedFault = {
  id: "deepseek-scale-without-rope-channels",
  title: "scores scaled by the channels of a key that do not rotate, without those that do",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.1.self_attn#scores`,
  model(model) {
    const faulty = attention(model, 1);
    faulty.scaling *= (faulty.qk_head_dim / faulty.qk_nope_head_dim) ** 0.5;
  },
};

export const latentNormEps: PlantedFault = {
  id: "deepseek-latent-norm-eps-of-config",
  title: "the norm of the latent with rms_norm_eps, where the reference leaves its default of 1e-6",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.1.self_attn.kv_a_layernorm:out`,
  model(model, config) {
    norm(model, 1, "self_attn.kv_a_layernorm").eps = config["rms_norm_eps"] as number;
  },
};

export const ropeInHalves: PlantedFault = {
  id: "deepseek-rope-not-deinterleaved",
  title: "channels of rotary weights that take turns rotated as two halves",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.0.self_attn#q_rope`,
  model(model) {
    attention(model, 0).rope_interleave = false;
  },
};

export const keyRotatedTwice: PlantedFault = {
  id: "deepseek-rope-key-rotated-twice",
  title: "the shared part of the keys rotated once more before it is kept",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.0.self_attn#k_rope`,
  model(model) {
    change(attention(model, 0), "rotate", (right) => ([query, key], tables) => {
      const [rotated, once] = right([query, key], tables);
      return [rotated, right([query, once], tables)[1]];
    });
  },
};

export const groupsIgnored: PlantedFault = {
  id: "deepseek-groups-ignored",
  title: "experts chosen from all groups, not from the best ones",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.2`,
  model(model) {
    const { gate } = mixture(model);
    gate.topk_group = gate.num_group;
  },
};

export const groupsByBest: PlantedFault = {
  id: "deepseek-groups-by-best-expert",
  title: "groups ranked by their best expert, as in deepseek_v2, not by the sum of their two best",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.2`,
  model(model) {
    const { gate } = mixture(model);
    gate.sum_of_two_best = (grouped) => gate.gather(grouped, gate.topk(grouped, 1));
  },
};

export const biasInWeights: PlantedFault = {
  id: "deepseek-correction-bias-in-weights",
  title: "e_score_correction_bias not only in the choice but in the weights of the experts, too",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.1`,
  model(model) {
    const { gate } = mixture(model);
    change(gate, "forward", (right) => (hidden_states) => {
      const [logits, , indices] = right(hidden_states);
      const scores = addRows(sigmoid(logits), gate.e_score_correction_bias);
      return [logits, scale(gate.normalize(gate.gather(scores, indices)), gate.routed_scaling_factor), indices];
    });
  },
};

export const notScaled: PlantedFault = {
  id: "deepseek-routed-scaling-dropped",
  title: "routed_scaling_factor not multiplied into the weights of the experts",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.1`,
  model(model) {
    mixture(model).gate.routed_scaling_factor = 1;
  },
};

export const sharedScaled: PlantedFault = {
  id: "deepseek-shared-experts-scaled",
  title: "what the shared experts return scaled by routed_scaling_factor, too",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.1.mlp:out`,
  model(model) {
    const faulty = mixture(model);
    change(faulty, "forward", () => (hidden_states) => {
      const [, weights, indices] = faulty.gate.call(hidden_states);
      const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]);
      const routed = reshape(faulty.experts.call(tokens, indices, weights), hidden_states.shape);
      return add(routed, scale(faulty.shared_experts.call(hidden_states), faulty.gate.routed_scaling_factor));
    });
  },
};

export const splitOrder: PlantedFault = {
  id: "deepseek-kv-b-split-all-heads",
  title: "kv_b_proj split as the keys of all heads and the values of all heads, not head by head",
  category,
  case: "deepseek_v3/chunked",
  at: `${textOnlyLayers}.0.self_attn#k_rope`,
  model(model) {
    const faulty = attention(model, 0);
    const { qk_nope_head_dim: nope, v_head_dim, kv_b_proj } = faulty;
    const [heads, width] = [faulty.attention.num_heads, nope + v_head_dim];
    change(kv_b_proj, "call", (right) => (...inputs: readonly unknown[]) => {
      const output = (right as (...all: readonly unknown[]) => Tensor)(...inputs);
      return pickChannels(output, (channel) => {
        const [head, place] = [Math.floor(channel / width), channel % width];
        return place < nope ? head * nope + place : heads * nope + head * v_head_dim + place - nope;
      }) as never;
    });
  },
};

export const causes = {
  "mobius-mla-mscale": "mul=0\\.25",
  "deepseek-scale-without-rope-channels": "mul=0\\.4005",
  "deepseek-latent-norm-eps-of-config": "add=0\\.001",
  "deepseek-rope-not-deinterleaved": "axis 3 interleaved 2",
  "deepseek-rope-key-rotated-twice": "rope/twice",
  "deepseek-groups-ignored": "no groups",
  "deepseek-groups-by-best-expert": "topk:k=1",
  "deepseek-correction-bias-in-weights": "the choice's bias in them",
  "deepseek-routed-scaling-dropped": "routing/sigmoid, made to sum to 1$",
  "deepseek-shared-experts-scaled": "\\+0\\.7 x shared_experts",
};
