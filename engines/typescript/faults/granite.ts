/** Faults of granite ports: its four multipliers. */
import type { GraniteDecoderLayer, GraniteForCausalLM, GraniteModel } from "../models/granite.ts";
import { attention, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "granite";

export const logitsNotScaled: PlantedFault = {
  id: "granite-logits-scaling-missing",
  title: "logits not divided by logits_scaling",
  category,
  case: "granite/chunked",
  at: "logits",
  model({ root }) {
    (root as GraniteForCausalLM).logits_scaling = 1;
  },
};

export const residualNotScaled: PlantedFault = {
  id: "granite-residual-multiplier-missing",
  title: "a layer adds to the residual without residual_multiplier",
  category,
  case: "granite/chunked",
  at: `${textOnlyLayers}.1.post_attention_layernorm:in`,
  model(model) {
    part<GraniteDecoderLayer>(model, `${textOnlyLayers}.1`).residual_multiplier = 1;
  },
};

export const scaleFromHeadDim: PlantedFault = {
  id: "granite-scale-from-head-dim",
  title: "scores scaled with 1 / sqrt(head_dim) in place of attention_multiplier",
  category,
  case: "granite/chunked",
  at: `${textOnlyLayers}.0.self_attn#scores`,
  model(model) {
    const at = attention(model, 0);
    at.scaling = at.head_dim ** -0.5;
  },
};

export const embeddingsNotScaled: PlantedFault = {
  id: "granite-embedding-multiplier-missing",
  title: "token embeddings without embedding_multiplier",
  category,
  case: "granite/chunked",
  at: "model.rotary_emb:in",
  model(model) {
    part<GraniteModel>(model, "model").embedding_multiplier = 1;
  },
};

export const causes = {
  "granite-embedding-multiplier-missing": "GraniteModel.*mul",
  "granite-logits-scaling-missing": "GraniteForCausalLM.*div",
  "granite-residual-multiplier-missing": "GraniteDecoderLayer.*mul",
  "granite-scale-from-head-dim": "scalar/.*mul=0\\.3536",
};
