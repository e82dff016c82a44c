import type { RMSNorm } from "../layers/normalization.ts";
import { layer, layers, mapElements, norm, part, skip } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "norm";

/** Adds a number to the weight of a norm. */
function shiftWeight(module: RMSNorm, by: number): void {
  module.weight = mapElements(module.weight!, (weight) => weight + by);
}

export const onePlusWeight: PlantedFault = {
  id: "mlx-step35-norm-shift",
  title: "a norm that multiplies by 1 + weight, as the earlier Gemmas do",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.post_attention_layernorm:out`,
  model(model) {
    shiftWeight(norm(model, 6, "post_attention_layernorm"), 1);
  },
};

export const twoPlusWeight: PlantedFault = {
  id: "mlx-qwen35-norm-double-shift",
  title: "a norm weight shifted by one in the converter and again in the forward",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.pre_feedforward_layernorm:out`,
  model(model) {
    shiftWeight(norm(model, 3, "pre_feedforward_layernorm"), 2);
  },
};

export const weightMinusOne: PlantedFault = {
  id: "llamacpp-gemma-norm-plus1",
  title: "a norm weight stored for a kernel that adds one, in a kernel that does not",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.4.input_layernorm:out`,
  model(model) {
    shiftWeight(norm(model, 4, "input_layernorm"), -1);
  },
};

export const finalNormPlusOne: PlantedFault = {
  id: "qwen35-moe-final-norm",
  title: "the final norm alone multiplies by 1 + weight",
  category,
  case: "gemma4_unified/text",
  at: "model.language_model.norm:out",
  model(model) {
    shiftWeight(part<RMSNorm>(model, "model.language_model.norm"), 1);
  },
};

export const weightOfOtherNorm: PlantedFault = {
  id: "olmo-shared-layernorm",
  title: "input_layernorm's weight also used for pre_feedforward_layernorm",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.pre_feedforward_layernorm:out`,
  model(model) {
    norm(model, 5, "pre_feedforward_layernorm").weight = norm(model, 5, "input_layernorm").weight;
  },
};

export const weightMissing: PlantedFault = {
  id: "norm-weight-missing",
  title: "a norm without its weight",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.post_attention_layernorm:out`,
  model(model) {
    norm(model, 2, "post_attention_layernorm").weight = null;
  },
};

export const layerNormForRmsNorm: PlantedFault = {
  id: "layernorm-for-rmsnorm",
  title: "the mean subtracted before an RMS norm, as a layer norm does",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.post_feedforward_layernorm:out`,
  model(model) {
    subtractMean(norm(model, 7, "post_feedforward_layernorm"));
  },
};

/** Makes an RMS norm a layer norm without bias. */
export function subtractMean(module: RMSNorm): void {
  const rmsNorm = module._norm.bind(module);
  const width = module.dim;
  module._norm = (hidden_states) => {
    const mean = (row: number): number =>
      hidden_states.data!.subarray(row * width, (row + 1) * width).reduce((sum, x) => sum + x, 0) / width;
    return rmsNorm(mapElements(hidden_states, (value, index) => value - mean(Math.floor(index / width))));
  };
}

export const standardDeviation: PlantedFault = {
  id: "norm-mean-not-of-squares",
  title: "an RMS norm that divides by the mean absolute value",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.8.input_layernorm:out`,
  model(model) {
    const module = norm(model, 8, "input_layernorm");
    const { dim } = module;
    module._norm = (hidden_states) => {
      const size = (row: number): number =>
        hidden_states.data!.subarray(row * dim, (row + 1) * dim).reduce((sum, x) => sum + Math.abs(x), 0) / dim;
      return mapElements(hidden_states, (value, index) => value / size(Math.floor(index / dim)));
    };
  },
};

export const postNormSkipped: PlantedFault = {
  id: "post-norm-skipped",
  title: "a decoder layer without the norm after its MLP, as in Llama",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.1.post_feedforward_layernorm:out`,
  model(model) {
    skip(norm(model, 1, "post_feedforward_layernorm"));
  },
};

export const normOverTokens: PlantedFault = {
  id: "norm-over-all-tokens",
  title: "one root mean square over all tokens of the forward in place of one per token",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.pre_feedforward_layernorm:out`,
  model(model) {
    const module = norm(model, 4, "pre_feedforward_layernorm");
    module._norm = (hidden_states) => {
      const data = hidden_states.data ?? new Float32Array();
      const rms = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length + module.eps);
      return mapElements(hidden_states, (value) => value / rms);
    };
  },
};

export const normsSwapped: PlantedFault = {
  id: "pre-post-norm-swapped",
  title: "the weights of the norms before and after the MLP swapped",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.pre_feedforward_layernorm:out`,
  model(model) {
    const { pre_feedforward_layernorm: pre, post_feedforward_layernorm: post } = layer(model, 3);
    [pre.weight, post.weight] = [post.weight, pre.weight];
  },
};
