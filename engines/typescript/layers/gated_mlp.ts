import type { ActivationName } from "../kernels/activations.ts";
import { mul } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Activation } from "./activations.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";
import type { Scope, Size } from "./scope.ts";
import { size } from "./scope.ts";

/** How a gated MLP is made; `intermediate` where it is not the config's `intermediate_size`. */
interface GatedMLPOptions {
  readonly activation: ActivationName;
  readonly bias?: boolean;
  readonly intermediate?: Size;
}

/** Gated MLP: x [B, S, hidden_size] -> the same shape. */
export class GatedMLP extends Module {
  gate_proj: Linear;
  up_proj: Linear;
  down_proj: Linear;
  act_fn: Activation;

  constructor(
    config: { readonly hidden_size: number; readonly intermediate_size: number },
    at: Scope,
    { activation, bias = false, ...sizes }: GatedMLPOptions,
  ) {
    super(at);
    config = at.read(config);
    const hidden = size(config, "hidden_size");
    const intermediate = sizes.intermediate ?? size(config, "intermediate_size");
    this.gate_proj = new Linear(at.child("gate_proj"), { in: hidden, out: intermediate, bias });
    this.up_proj = new Linear(at.child("up_proj"), { in: hidden, out: intermediate, bias });
    this.down_proj = new Linear(at.child("down_proj"), { in: intermediate, out: hidden, bias });
    this.act_fn = new Activation(at.child("act_fn"), activation);
  }

  forward(x: Tensor): Tensor {
    return this.down_proj.call(mul(this.act_fn.call(this.gate_proj.call(x)), this.up_proj.call(x)));
  }
}
