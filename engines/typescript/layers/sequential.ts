import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";

/** A module of one tensor. */
type Step = Module & { forward(x: Tensor): Tensor };

/** `torch.nn.Sequential`: its elements one after the other. */
export class Sequential extends Module {
  readonly elements: Step[];

  /** Element `i` is made by `create[i]` at the scope `<path>.<i>`. */
  constructor(at: Scope, create: readonly ((at: Scope) => Step)[]) {
    super(at);
    this.elements = create.map((make, index) => make(at.child(String(index))));
  }

  forward(x: Tensor): Tensor {
    return this.elements.reduce((states, step) => step.call(states), x);
  }
}
