import type { ActivationName } from "../kernels/activations.ts";
import { activate, activations } from "../kernels/activations.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { roundedTensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";

/** Class names of the reference's activation modules. Source: transformers 5.24.0, `activations.py`, ACT2CLS. */
const ACT2CLS: Readonly<Record<ActivationName, string>> = {
  gelu: "GELUActivation",
  gelu_new: "NewGELUActivation",
  gelu_pytorch_tanh: "GELUTanh",
  quick_gelu: "QuickGELUActivation",
  silu: "SiLUActivation",
  relu: "ReLU",
  relu2: "ReLUSquaredActivation",
  sigmoid: "Sigmoid",
  tanh: "Tanh",
  linear: "LinearActivation",
};

/** The reference's `ACT2FN[name]`: an activation function as a module. */
export class Activation extends Module {
  /** The function of one element. */
  activation: (x: number) => number;
  readonly #type: string;

  constructor(at: Scope, name: ActivationName) {
    super(at);
    this.activation = activations[name];
    this.#type = ACT2CLS[name];
  }

  override get type(): string {
    return this.#type;
  }

  forward(input: Tensor): Tensor {
    return roundedTensor(input.shape, input.data && activate(input.data, this.activation), input.dtype);
  }
}
