import type { KVSharingInputs } from "../layers/kv_sharing_attention.ts";

import type { Gemma4UnifiedTextDecoderLayer } from "../models/gemma4_unified/text.ts";
import { add, scale } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { layer, layers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "residual";
type Layer = Gemma4UnifiedTextDecoderLayer;

/** The attention half of a layer up to its post-norm. */
function attend(at: Layer, hidden_states: Tensor, inputs: KVSharingInputs): Tensor {
  return at.post_attention_layernorm.call(at.self_attn.call(at.input_layernorm.call(hidden_states), inputs));
}

/** The MLP half of a layer up to its post-norm. */
function feed(at: Layer, hidden_states: Tensor): Tensor {
  return at.post_feedforward_layernorm.call(at.mlp.call(at.pre_feedforward_layernorm.call(hidden_states)));
}

export const normIntoResidual: PlantedFault = {
  id: "olmo-norm-into-residual",
  title: "the residual of the attention taken after input_layernorm",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.pre_feedforward_layernorm:in`,
  model(model) {
    const at = layer(model, 3);
    at.forward = (hidden_states, inputs) => {
      const residual = at.input_layernorm.call(hidden_states);
      const attended = add(residual, at.post_attention_layernorm.call(at.self_attn.call(residual, inputs)));
      return scale(add(attended, feed(at, attended)), at.layer_scalar);
    };
  },
};

export const parallelResidual: PlantedFault = {
  id: "commandr-interleaved-rope",
  title: "the MLP run on the layer's input beside the attention, as in parallel residual blocks",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.pre_feedforward_layernorm:in`,
  model(model) {
    const at = layer(model, 5);
    at.forward = (hidden_states, inputs) => {
      const attended = add(hidden_states, attend(at, hidden_states, inputs));
      return scale(add(attended, feed(at, hidden_states)), at.layer_scalar);
    };
  },
};

export const normAfterResidual: PlantedFault = {
  id: "post-norm-after-residual",
  title: "post_attention_layernorm applied after the residual is added",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.post_attention_layernorm:in`,
  model(model) {
    const at = layer(model, 4);
    at.forward = (hidden_states, inputs) => {
      const attention = at.self_attn.call(at.input_layernorm.call(hidden_states), inputs);
      const attended = at.post_attention_layernorm.call(add(hidden_states, attention));
      return scale(add(attended, feed(at, attended)), at.layer_scalar);
    };
  },
};

export const residualOfInput: PlantedFault = {
  id: "residual-from-layer-input",
  title: "the residual of the MLP taken from the layer's input",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6:out`,
  model(model) {
    const at = layer(model, 6);
    at.forward = (hidden_states, inputs) => {
      const attended = add(hidden_states, attend(at, hidden_states, inputs));
      return scale(add(hidden_states, feed(at, attended)), at.layer_scalar);
    };
  },
};

export const residualMissing: PlantedFault = {
  id: "mlp-residual-missing",
  title: "no residual around the MLP",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.2:out`,
  model(model) {
    const at = layer(model, 2);
    at.forward = (hidden_states, inputs) =>
      scale(feed(at, add(hidden_states, attend(at, hidden_states, inputs))), at.layer_scalar);
  },
};

export const residualTwice: PlantedFault = {
  id: "attention-residual-twice",
  title: "the residual of the attention added twice, in a fused kernel and again outside",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.pre_feedforward_layernorm:in`,
  model(model) {
    const at = layer(model, 7);
    at.forward = (hidden_states, inputs) => {
      const attended = add(add(hidden_states, attend(at, hidden_states, inputs)), hidden_states);
      return scale(add(attended, feed(at, attended)), at.layer_scalar);
    };
  },
};

export const inputUpdatedInPlace: PlantedFault = {
  id: "residual-overwritten",
  title: "the MLP's residual is the attention's output, whose buffer the fused add has not reached",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.1:out`,
  model(model) {
    const at = layer(model, 1);
    at.forward = (hidden_states, inputs) => {
      const attention = attend(at, hidden_states, inputs);
      return scale(add(attention, feed(at, add(hidden_states, attention))), at.layer_scalar);
    };
  },
};
