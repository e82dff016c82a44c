/** Faults of smollm3 ports: the layers without rope. */
import type { SmolLM3Attention } from "../models/smollm3.ts";
import { part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "smollm3";

export const ropeInEveryLayer: PlantedFault = {
  id: "smollm3-nope-ignored",
  title: "rope in the layers that no_rope_layers exempts",
  category,
  case: "smollm3/chunked",
  at: `${textOnlyLayers}.2.self_attn#q_rope`,
  model(model) {
    part<SmolLM3Attention>(model, `${textOnlyLayers}.2.self_attn`).use_rope = true;
  },
};

export const flagsReadLiterally: PlantedFault = {
  id: "smollm3-no-rope-flags-inverted",
  title: "no_rope_layers read as its name says, 1 for a layer without rope",
  category,
  case: "smollm3/chunked",
  at: `${textOnlyLayers}.0.self_attn#q_rope`,
  config: (config) => ({
    ...config,
    no_rope_layers: (config["no_rope_layers"] as number[]).map((flag) => 1 - flag),
  }),
};

export const windowWithRopeAlone: PlantedFault = {
  id: "smollm3-window-without-rope-ignored",
  title: "a sliding layer without rope taken for a full one",
  category,
  case: "smollm3/chunked",
  at: `${textOnlyLayers}.2.self_attn#mask`,
  config: (config) => ({ ...config, layer_types: ["full_attention", "sliding_attention", "full_attention"] }),
};

export const causes = {
  "smollm3-no-rope-flags-inverted": "rope/not applied",
  "smollm3-nope-ignored": "rope/once more",
  "smollm3-window-without-rope-ignored": "mask/window \\d+ -> 0",
};
