/** Bugs planted into the TypeScript engine while it runs trained weights. */
import type { Fault } from "../../engines/typescript/fault.ts";
import { activations } from "../../engines/typescript/kernels/activations.ts";
import type { Activation } from "../../engines/typescript/layers/activations.ts";
import type { LayerNorm } from "../../engines/typescript/layers/normalization.ts";
import { part } from "../../engines/typescript/faults/model-parts.ts";

export const minilmEps: Fault = {
  id: "minilm-eps",
  title: "eps 1e-5, PyTorch's default, for 1e-12 in one norm",
  category: "norm-eps",
  model: (model) => void (part<LayerNorm>(model, "encoder.layer.3.output.LayerNorm").eps = 1e-5),
};

export const minilmGelu: Fault = {
  id: "minilm-gelu",
  title: "gelu computed with tanh in one layer",
  category: "activation",
  model(model) {
    part<Activation>(model, "encoder.layer.4.intermediate.intermediate_act_fn").activation = activations.gelu_new;
  },
};

export const rxnmapperGelu: Fault = {
  id: "rxnmapper-gelu",
  title: "gelu computed with tanh, in the layer that all passes share",
  category: "activation",
  model(model) {
    const layer = "albert.encoder.albert_layer_groups.0.albert_layers.0";
    part<Activation>(model, `${layer}.activation`).activation = activations.gelu_new;
  },
};
