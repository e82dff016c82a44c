import type { Gemma4UnifiedTextAttention } from "../../engines/typescript/models/gemma4_unified_text.ts";
import type { BuiltModel } from "../../engines/typescript/fault.ts";
import type { PlantedFault } from "./planted.ts";

const layers = "model.language_model.layers";

/** The attention module of a layer. */
function attention({ modules }: BuiltModel, layer: number): Gemma4UnifiedTextAttention {
  return modules.get(`${layers}.${layer}.self_attn`) as Gemma4UnifiedTextAttention;
}

/** The bug that started the project: a backend makes every layer's attention from the one `head_dim` of the config (vllm#44494). */
export const oneHeadDimForEveryLayer: PlantedFault = {
  id: "one-head-dim",
  title: "attention built from one head_dim for every layer",
  category: "head-geometry",
  case: "seed/gemma4_unified_12b_one_head_dim",
  at: `${layers}.5.self_attn.o_proj:in`,
  scopeConfig: (scope, config) =>
    scope.endsWith("#attention")
      ? { ...config, text_config: { ...(config["text_config"] as object), per_layer_config: {} } }
      : config,
};

export const attentionScale: PlantedFault = {
  id: "llamacpp-gemma27b-scale",
  title: "scores multiplied by 1/sqrt(head_dim) where q and k are normed and the scale is 1",
  category: "attention-scale",
  case: "gemma4_unified/text",
  at: `${layers}.2.self_attn#scores`,
  model(model) {
    const { attention: core } = attention(model, 2);
    core.scaling = core.head_dim ** -0.5;
  },
};
