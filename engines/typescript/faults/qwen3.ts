/** Faults of qwen3 ports. */
import { norm, skip, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "qwen3";

export const normOfQueriesMissing: PlantedFault = {
  id: "qwen3-q-norm-missing",
  title: "queries not normed, as in the graph of qwen2",
  category,
  case: "qwen3/chunked",
  at: `${textOnlyLayers}.1.self_attn.q_norm:out`,
  model(model) {
    skip(norm(model, 1, "self_attn.q_norm"));
  },
};

export const thetaOfOldKey: PlantedFault = {
  id: "qwen3-rope-theta-v5",
  title: "rope_theta looked for outside rope_parameters, so that it is 10000",
  category,
  case: "qwen3/chunked",
  at: "model.rotary_emb:out",
  config: (config) => ({ ...config, rope_parameters: { rope_type: "default", rope_theta: 10_000 } }),
};

export const windowInFirstLayers: PlantedFault = {
  id: "qwen3-window-layers-inverted",
  title: "the layers below max_window_layers slide, not those from it on",
  category,
  case: "qwen3/chunked",
  at: `${textOnlyLayers}.0.self_attn#mask`,
  config: (config) => ({ ...config, layer_types: ["sliding_attention", "full_attention", "full_attention"] }),
};

export const causes = {
  "qwen3-q-norm-missing": "norm/none, weight none|q_norm",
  "qwen3-rope-theta-v5": "theta 12345 -> 10000",
};
