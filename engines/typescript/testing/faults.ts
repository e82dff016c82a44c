/** Faults of the engine's own tests. */
import type { Fault } from "../fault.ts";
import type { Gemma4UnifiedTextAttention } from "../models/gemma4_unified/text.ts";
import { floatTensor } from "../tensor/tensor.ts";

/** The cores do not see per-layer overrides. */
export const oneHeadDim: Fault = {
  id: "one-head-dim",
  title: "attention built from one head_dim for every layer",
  category: "attention",
  scopeConfig(scope, config) {
    if (scope.endsWith("#attention")) (config["text_config"] as Record<string, unknown>)["per_layer_config"] = {};
    return config;
  },
};

/** One layer's scores are scaled. */
export const scaledScores: Fault = {
  id: "scaled-scores",
  title: "layer 2 scales scores by 1/2",
  category: "attention",
  model({ modules }) {
    (modules.get("model.language_model.layers.2.self_attn") as Gemma4UnifiedTextAttention).scaling = 0.5;
  },
};

/** Norm weights are used as `1 + w`. */
export const onePlusWeight: Fault = {
  id: "one-plus-weight",
  title: "the final norm multiplies by 1 + weight",
  category: "norm",
  weights(name, tensor) {
    if (name !== "model.language_model.norm.weight") return tensor;
    const { shape, data } = tensor;
    return floatTensor(
      shape,
      data!.map((value) => value + 1),
    );
  },
};
