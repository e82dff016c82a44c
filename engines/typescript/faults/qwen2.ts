/** Faults of qwen2 ports. */
import { linear, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "qwen2";

export const biasOfValuesDropped: PlantedFault = {
  id: "qwen2-v-bias-dropped",
  title: "v_proj without its bias, as in llama",
  category,
  case: "qwen2/chunked",
  at: `${textOnlyLayers}.1.self_attn.v_proj:out`,
  model(model) {
    linear(model, 1, "self_attn.v_proj").bias = null;
  },
};

export const everyLayerSlides: PlantedFault = {
  id: "qwen2-max-window-layers-ignored",
  title: "every layer slides when use_sliding_window is set",
  category,
  case: "qwen2/chunked",
  at: `${textOnlyLayers}.0.self_attn#mask`,
  config: (config) => ({ ...config, max_window_layers: 0 }),
};

export const epsHardCoded: PlantedFault = {
  id: "qwen2-eps-hard-coded",
  title: "rms_norm_eps 1e-6, whatever the config says",
  category,
  case: "qwen2/chunked",
  at: `${textOnlyLayers}.0.input_layernorm:out`,
  config: (config) => ({ ...config, rms_norm_eps: 1e-6 }),
};

export const causes = {
  "qwen2-v-bias-dropped": "bias",
  "qwen2-max-window-layers-ignored": "window|layers.1.self_attn#mask",
  "qwen2-eps-hard-coded": "add=1e-06",
};
