/** Faults of gemma3_text ports. */
import type { Gemma3TextModel } from "../models/gemma3/text.ts";
import { causalModel, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

type Json = Record<string, unknown>;

const category = "gemma3_text";

export const scaledSlidingRope: PlantedFault = {
  id: "gemma3-linear-scaling-on-sliding-layers",
  title: "the rope scaling of full-attention layers given to sliding layers, too",
  category,
  case: "gemma3_text/chunked",
  at: "model.rotary_emb:out@sliding_attention",
  config(config) {
    const rope = config["rope_parameters"] as Record<string, Json>;
    rope["sliding_attention"] = { ...rope["sliding_attention"], rope_type: "linear", factor: 3 };
    return config;
  },
};

export const embeddingsNotScaled: PlantedFault = {
  id: "gemma3-embedding-not-scaled",
  title: "token embeddings without the factor sqrt(hidden_size) of the Gemma family",
  category,
  case: "gemma3_text/chunked",
  at: "model.embed_tokens:out",
  model(model) {
    part<Gemma3TextModel>(model, "model").embed_tokens.embed_scale = 1;
  },
};

export const maskOfFirstLayer: PlantedFault = {
  id: "gemma3-mask-of-first-layer",
  title: "full-attention layers with the windowed mask of the first layer",
  category,
  case: "gemma3_text/chunked",
  at: `${textOnlyLayers}.1.self_attn#mask`,
  model(model) {
    const { masks } = causalModel(model);
    masks.create_causal_mask = (inputs) =>
      masks.create_mask(
        inputs,
        "full",
        (b, q, k) => masks.causal_mask_function(b, q, k) && masks.sliding_window_overlay(b, q, k),
      );
  },
};

export const causes = {
  "gemma3-linear-scaling-on-sliding-layers": "inv_freq|frequenc",
  "gemma3-embedding-not-scaled": "scale|mul",
  "gemma3-mask-of-first-layer": "window|layers.0",
};
