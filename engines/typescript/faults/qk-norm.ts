import { rms_norm } from "../kernels/normalization.ts";
import { swapMiddle } from "../tensor/layout.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { attention, change, layers, mapElements, norm, skip, textOnlyLayers } from "./model-parts.ts";
import { subtractMean } from "./norm.ts";
import type { PlantedFault } from "./planted.ts";

const category = "qk-norm";

export const queryNormMissing: PlantedFault = {
  id: "mvlm-mistral3-qknorm",
  title: "queries not normed",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.self_attn.q_norm:out`,
  model(model) {
    skip(norm(model, 7, "self_attn.q_norm"));
  },
};

export const keyNormMissing: PlantedFault = {
  id: "mlx-cohere-plus-qknorm",
  title: "keys not normed",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.1.self_attn.k_norm:out`,
  model(model) {
    skip(norm(model, 1, "self_attn.k_norm"));
  },
};

export const valueNormMissing: PlantedFault = {
  id: "v-norm-missing",
  title: "values not normed",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn.v_norm:out`,
  model(model) {
    skip(norm(model, 3, "self_attn.v_norm"));
  },
};

export const valueNormWeighted: PlantedFault = {
  id: "v-norm-with-weight",
  title: "v_norm, which has no weight, multiplies by the weight of k_norm",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn.v_norm:out`,
  model(model) {
    norm(model, 4, "self_attn.v_norm").weight = norm(model, 4, "self_attn.k_norm").weight;
  },
};

export const queryNormPlusOne: PlantedFault = {
  id: "q-norm-one-plus-weight",
  title: "q_norm of one layer multiplies by 1 + weight",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn.q_norm:out`,
  model(model) {
    const q_norm = norm(model, 6, "self_attn.q_norm");
    q_norm.weight = mapElements(q_norm.weight!, (weight) => 1 + weight);
  },
};

export const queryKeyNormsSwapped: PlantedFault = {
  id: "q-k-norm-swapped",
  title: "the weights of q_norm and k_norm swapped",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.1.self_attn.q_norm:out`,
  model(model) {
    const [q_norm, k_norm] = [norm(model, 1, "self_attn.q_norm"), norm(model, 1, "self_attn.k_norm")];
    [q_norm.weight, k_norm.weight] = [k_norm.weight, q_norm.weight];
  },
};

export const keyLayerNorm: PlantedFault = {
  id: "mlx-plamo2-qknorm-layernorm",
  title: "the mean subtracted in k_norm",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.self_attn.k_norm:out`,
  model(model) {
    subtractMean(norm(model, 2, "self_attn.k_norm"));
  },
};

export const queryUnitLength: PlantedFault = {
  id: "mlxlm-qk-normalise-bailing",
  title: "queries normed to length 1 in place of root mean square 1",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.self_attn.q_norm:out`,
  model(model) {
    const q_norm = norm(model, 5, "self_attn.q_norm");
    change(q_norm, "_norm", (right) => (states) => mapElements(right(states), (value) => value * q_norm.dim ** -0.5));
  },
};

export const queryNormOverHeads: PlantedFault = {
  id: "q-norm-over-all-heads",
  title: "one root mean square over all heads of a query, as OLMo 2 and 3 do",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.8.self_attn.q_norm:out`,
  model(model) {
    const q_norm = norm(model, 8, "self_attn.q_norm");
    q_norm._norm = ({ data, shape }) => floatTensor(shape, data && rms_norm(data, q_norm.dim * shape[2]!, q_norm.eps));
  },
};

export const valueAfterKeyNorm: PlantedFault = {
  id: "k-eq-v-after-k-norm",
  title: "where keys are also the values, the values taken after k_norm",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn.v_norm:in`,
  model(model) {
    const at = attention(model, 4);
    at.key_value_states = (hidden_states, [cos, sin]) => {
      const key = at.k_norm!.call(at.split_heads(at.k_proj!.call(hidden_states)));
      const rotated = at.apply_rotary_pos_emb(key, cos, sin);
      return [swapMiddle(rotated), swapMiddle(at.v_norm!.call(key))];
    };
  },
};

export const valueAfterRope: PlantedFault = {
  id: "k-eq-v-after-rope",
  title: "where keys are also the values, the values taken after norm and rotary embedding",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.2.self_attn.v_norm:in`,
  model(model) {
    const at = attention(model, 2);
    at.key_value_states = (hidden_states, [cos, sin]) => {
      const key = at.k_norm!.call(at.split_heads(at.k_proj!.call(hidden_states)));
      const rotated = at.apply_rotary_pos_emb(key, cos, sin);
      return [swapMiddle(rotated), swapMiddle(at.v_norm!.call(rotated))];
    };
  },
};

export const keyNormAfterRope: PlantedFault = {
  id: "rope-before-k-norm",
  title: "keys rotated before they are normed",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn.k_norm:in`,
  model(model) {
    const at = attention(model, 3);
    at.key_value_states = (hidden_states, [cos, sin]) => {
      const projected = at.split_heads(at.k_proj!.call(hidden_states));
      const value = at.split_heads(at.v_proj!.call(hidden_states));
      const key = at.k_norm!.call(at.apply_rotary_pos_emb(projected, cos, sin));
      return [swapMiddle(key), swapMiddle(at.v_norm!.call(value))];
    };
  },
};

export const queryNormAfterRope: PlantedFault = {
  id: "rope-before-q-norm",
  title: "queries rotated before they are normed",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn.q_norm:in`,
  model(model) {
    const at = attention(model, 6);
    at.query_states = (hidden_states, [cos, sin]) =>
      swapMiddle(at.q_norm.call(at.apply_rotary_pos_emb(at.split_heads(at.q_proj.call(hidden_states)), cos, sin)));
  },
};
