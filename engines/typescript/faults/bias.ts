import { linear, mapElements, part, textOnlyLayers, visionEmbedder } from "./model-parts.ts";
import type { LayerNorm } from "../layers/normalization.ts";
import type { PlantedFault } from "./planted.ts";

const category = "bias";

export const queryBiasMissing: PlantedFault = {
  id: "q-proj-bias-missing",
  title: "q_proj without its bias",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.2.self_attn.q_proj:out`,
  model(model) {
    linear(model, 2, "self_attn.q_proj").bias = null;
  },
};

export const outputBiasTwice: PlantedFault = {
  id: "o-proj-bias-on-every-shard",
  title: "o_proj's bias added by both tensor-parallel shards",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.3.self_attn.o_proj:out`,
  model(model) {
    const o_proj = linear(model, 3, "self_attn.o_proj");
    o_proj.bias = mapElements(o_proj.bias!, (bias) => 2 * bias);
  },
};

export const keyBiasOfValue: PlantedFault = {
  id: "k-proj-bias-of-v-proj",
  title: "a fused bias cut so that k_proj gets v_proj's part",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.1.self_attn.k_proj:out`,
  model(model) {
    linear(model, 1, "self_attn.k_proj").bias = linear(model, 1, "self_attn.v_proj").bias;
  },
};

export const patchBiasMissing: PlantedFault = {
  id: "patch-dense-bias-missing",
  title: "the patch projection without its bias",
  category,
  case: "gemma4_unified/image",
  at: "model.embed_vision.patch_dense:out",
  model(model) {
    visionEmbedder(model).patch_dense.bias = null;
  },
};

export const layerNormBiasMissing: PlantedFault = {
  id: "layernorm-bias-missing",
  title: "the layer norm behind the position embeddings without its bias",
  category,
  case: "gemma4_unified/video",
  at: "model.embed_vision.pos_norm:out",
  model(model) {
    const pos_norm = part<LayerNorm>(model, "model.embed_vision.pos_norm");
    pos_norm.bias = mapElements(pos_norm.bias!, () => 0);
  },
};
