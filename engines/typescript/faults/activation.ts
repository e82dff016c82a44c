import { activations } from "../kernels/activations.ts";
import { mul } from "../tensor/elementwise.ts";
import { activation, change, layer, layers, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "activation";

export const geluErf: PlantedFault = {
  id: "litgpt-gemma-gelu",
  title: "the exact GELU (erf) where the config asks for the tanh approximation",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.mlp.act_fn:out`,
  model(model) {
    activation(model, 3).activation = activations.gelu;
  },
};

export const geluForSilu: PlantedFault = {
  id: "candle-mistral-gelu",
  title: "GELU where the config asks for SiLU",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.2.mlp.act_fn:out`,
  model(model) {
    activation(model, 2).activation = activations.gelu_pytorch_tanh;
  },
};

export const siluForGelu: PlantedFault = {
  id: "silu-for-gelu",
  title: "SiLU where the config asks for GELU, in a layer with the wide MLP",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.mlp.act_fn:out`,
  model(model) {
    activation(model, 6).activation = activations.silu;
  },
};

export const quickGelu: PlantedFault = {
  id: "quick-gelu",
  title: "GELU approximated by x * sigmoid(1.702 x)",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.1.mlp.act_fn:out`,
  model(model) {
    activation(model, 1).activation = activations.quick_gelu;
  },
};

export const geluConstant: PlantedFault = {
  id: "gelu-constant-rounded",
  title: "sqrt(2 / pi) rounded to 0.798 in the tanh approximation of GELU",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.mlp.act_fn:out`,
  model(model) {
    activation(model, 7).activation = (x) => 0.5 * x * (1 + Math.tanh(0.798 * (x + 0.044715 * x ** 3)));
  },
};

export const geluClipped: PlantedFault = {
  id: "activation-clipped",
  title: "activations clipped at 2, as a fused kernel does against float16 overflow",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.mlp.act_fn:out`,
  model(model) {
    activation(model, 5).activation = (x) => Math.min(activations.gelu_pytorch_tanh(x), 2);
  },
};

export const activationAfterProduct: PlantedFault = {
  id: "activation-after-product",
  title: "the activation applied to gate * up in place of gate",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.mlp.act_fn:in`,
  model(model) {
    const { mlp } = layer(model, 4);
    change(mlp, "forward", () => (x) => {
      const gate = mlp.gate_proj.call(x);
      return mlp.down_proj.call(mlp.act_fn.call(mul(gate, mlp.up_proj.call(x))));
    });
  },
};
