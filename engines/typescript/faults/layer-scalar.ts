import { add, scale } from "../tensor/elementwise.ts";
import { change, layer, layers, mapElements, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "layer-scalar";

export const scalarMissing: PlantedFault = {
  id: "layer-scalar-missing",
  title: "a layer's output not multiplied by layer_scalar",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3:out`,
  model(model) {
    const at = layer(model, 3);
    at.layer_scalar = mapElements(at.layer_scalar, () => 1);
  },
};

export const scalarOnChange: PlantedFault = {
  id: "quantcpp-gemma4-layer-scale",
  title: "layer_scalar applied to what the layer adds, x + s * (layer(x) - x), in place of all of it",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5:out`,
  model(model) {
    const at = layer(model, 5);
    const scalar = at.layer_scalar;
    at.layer_scalar = mapElements(scalar, () => 1);
    change(at, "forward", (right) => (hidden_states, inputs) => {
      const added = add(right(hidden_states, inputs), scale(hidden_states, -1));
      return add(hidden_states, scale(added, scalar));
    });
  },
};

export const scalarOnMlp: PlantedFault = {
  id: "layer-scalar-on-mlp-branch",
  title: "layer_scalar applied to the MLP's branch alone",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6:out`,
  model(model) {
    const at = layer(model, 6);
    at.forward = (hidden_states, inputs) => {
      const attention = at.self_attn.call(at.input_layernorm.call(hidden_states), inputs);
      const attended = add(hidden_states, at.post_attention_layernorm.call(attention));
      const fed = at.post_feedforward_layernorm.call(at.mlp.call(at.pre_feedforward_layernorm.call(attended)));
      return add(attended, scale(fed, at.layer_scalar));
    };
  },
};

export const scalarOfNextLayer: PlantedFault = {
  id: "layer-scalar-of-next-layer",
  title: "layer_scalar read from the table of all layers one place too far",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4:out`,
  model(model) {
    layer(model, 4).layer_scalar = layer(model, 5).layer_scalar;
  },
};

export const scalarTwice: PlantedFault = {
  id: "layer-scalar-twice",
  title: "layer_scalar applied by the layer and again by the loop over layers",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.2:out`,
  model(model) {
    const at = layer(model, 2);
    at.layer_scalar = mapElements(at.layer_scalar, (scalar) => scalar ** 2);
  },
};
