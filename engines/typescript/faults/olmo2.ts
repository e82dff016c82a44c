/** Faults of olmo2 ports. */
import { rms_norm } from "../kernels/normalization.ts";
import type { Olmo2DecoderLayer } from "../models/olmo2.ts";
import { add, mulRows } from "../tensor/elementwise.ts";
import { roundedTensor } from "../tensor/tensor.ts";
import { norm, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "olmo2";

export const normPerHead: PlantedFault = {
  id: "olmo2-qk-norm-per-head",
  title: "queries normed head by head, not over all heads together",
  category,
  case: "olmo2/chunked",
  at: `${textOnlyLayers}.1.self_attn.q_norm:out`,
  model(model) {
    const q_norm = norm(model, 1, "self_attn.q_norm");
    q_norm.forward = ({ shape, data, dtype }) =>
      mulRows(roundedTensor(shape, data && rms_norm(data, 8, q_norm.eps), dtype), q_norm.weight!);
  },
};

export const normOfInput: PlantedFault = {
  id: "olmo2-norm-before-attention",
  title: "the input of attention normed, as in llama, not its output",
  category,
  case: "olmo2/chunked",
  at: `${textOnlyLayers}.1.self_attn:in`,
  model(model) {
    const at = part<Olmo2DecoderLayer>(model, `${textOnlyLayers}.1`);
    at.forward = (hidden_states, inputs) => {
      const attended = at.self_attn.call(at.post_attention_layernorm.call(hidden_states), inputs);
      hidden_states = add(hidden_states, attended);
      return add(hidden_states, at.post_feedforward_layernorm.call(at.mlp.call(hidden_states)));
    };
  },
};

export const normAfterResidual: PlantedFault = {
  id: "olmo2-norm-after-residual",
  title: "the norm after attention applied to the sum with the residual",
  category,
  case: "olmo2/chunked",
  at: `${textOnlyLayers}.0.post_attention_layernorm:in`,
  model(model) {
    const at = part<Olmo2DecoderLayer>(model, `${textOnlyLayers}.0`);
    at.forward = (hidden_states, inputs) => {
      hidden_states = at.post_attention_layernorm.call(add(hidden_states, at.self_attn.call(hidden_states, inputs)));
      return add(hidden_states, at.post_feedforward_layernorm.call(at.mlp.call(hidden_states)));
    };
  },
};

export const causes = {
  "olmo2-norm-after-residual": "x argument 0$",
  "olmo2-norm-before-attention": "post_attention_layernorm applied",
};
