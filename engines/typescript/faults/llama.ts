/** Faults of llama ports: rope scalings, and the weights of key heads. */
import type { LlamaRotaryEmbedding } from "../models/llama.ts";
import { change, linear, part, pickRows, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

type Json = Record<string, unknown>;

const category = "llama";
const at = "model.rotary_emb:out";

/** A fault of the rope parameters as the engine reads them. */
function ropeParameters(changes: Json): Pick<PlantedFault, "config"> {
  return {
    config: (config) => ({ ...config, rope_parameters: { ...(config["rope_parameters"] as Json), ...changes } }),
  };
}

export const factorOfLlama31: PlantedFault = {
  id: "llama-rope-factor-hard-coded",
  title: "llama3 rope with the factor 8 of Llama 3.1, whatever the config says",
  category,
  case: "llama/rope_llama3",
  at,
  ...ropeParameters({ factor: 8 }),
};

export const longFactorsAlways: PlantedFault = {
  id: "mlx-su-rope",
  title: "longrope with the long factors for every sequence",
  category,
  case: "llama/rope_longrope",
  at,
  model(model) {
    const rotary_emb = part<LlamaRotaryEmbedding>(model, "model.rotary_emb");
    change(rotary_emb, "init", (right) => () => right(Infinity));
  },
};

export const dynamicNotGrown: PlantedFault = {
  id: "llama-dynamic-rope-not-grown",
  title: "dynamic rope that keeps the frequencies of the first chunk",
  category,
  case: "llama/rope_dynamic",
  at,
  phase: "chunk:1",
  model(model) {
    const rotary_emb = part<LlamaRotaryEmbedding>(model, "model.rotary_emb");
    rotary_emb.update = () => {};
  },
};

export const yarnWithoutMscale: PlantedFault = {
  id: "llama-yarn-mscale",
  title: "YaRN without mscale and mscale_all_dim in its attention factor",
  category,
  case: "llama/rope_yarn",
  at,
  ...ropeParameters({ mscale: 0 }),
};

export const keyHeadsSwapped: PlantedFault = {
  id: "llama-gqa-heads-interleaved",
  title: "the rows of k_proj regrouped as if its heads were interleaved",
  category,
  case: "llama/chunked",
  at: `${textOnlyLayers}.1.self_attn.k_proj:out`,
  model(model) {
    const k_proj = linear(model, 1, "self_attn.k_proj");
    k_proj.weight = pickRows(k_proj.weight, (row) => (row % 14) * 2 + Math.floor(row / 14));
  },
};

export const causes = {
  "llama-dynamic-rope-not-grown": "maximum:without the first",
  "llama-yarn-mscale": "scalar/LlamaRotaryEmbedding.*mul=",
  "llama-gqa-heads-interleaved": "axis 0",
};
