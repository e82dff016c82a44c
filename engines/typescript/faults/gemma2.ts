/** Faults of gemma2 ports. */
import type { Gemma2Attention } from "../models/gemma2.ts";
import { mulRows } from "../tensor/elementwise.ts";
import { norm, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "gemma2";

export const scoresNotCapped: PlantedFault = {
  id: "gemma2-attn-softcap-missing",
  title: "scores of one layer without attn_logit_softcapping",
  category,
  case: "gemma2/chunked",
  at: `${textOnlyLayers}.1.self_attn#scores`,
  model(model) {
    const { attention } = part<Gemma2Attention>(model, `${textOnlyLayers}.1.self_attn`);
    attention.attn_logit_softcapping = null;
  },
};

export const scaleFromHeadDim: PlantedFault = {
  id: "gemma2-scale-from-head-dim",
  title: "scores scaled with head_dim in place of query_pre_attn_scalar",
  category,
  case: "gemma2/chunked",
  at: `${textOnlyLayers}.0.self_attn#scores`,
  config: (config) => ({ ...config, query_pre_attn_scalar: config["head_dim"] }),
};

export const weightWithoutOne: PlantedFault = {
  id: "gemma2-norm-plus-one-missing",
  title: "one norm after attention multiplies by weight, not by 1 + weight",
  category,
  case: "gemma2/chunked",
  at: `${textOnlyLayers}.1.post_attention_layernorm:out`,
  model(model) {
    const faulty = norm(model, 1, "post_attention_layernorm");
    faulty.forward = (hidden_states) => mulRows(faulty._norm(hidden_states), faulty.weight!);
  },
};

export const causes = {
  "gemma2-attn-softcap-missing": "cap|tanh:none",
  "gemma2-scale-from-head-dim": "scal",
  "gemma2-norm-plus-one-missing": "weight",
};
