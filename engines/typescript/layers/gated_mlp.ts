import type { ActivationName } from "../kernels/activations.ts";
import { mul } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Activation } from "./activations.ts";
import { ConfiguredModule } from "./configured_module.ts";
import type { Linear } from "./linear.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/** The fields that a gated MLP is made from. */
export interface GatedMLPConfig {
  readonly hidden_size: number;
  readonly intermediate_size: number;
}

/** The options of a gated MLP; `intermediate` where its width is not the config's `intermediate_size`. */
export interface GatedMLPOptions {
  readonly activation: ActivationName;
  readonly bias?: boolean;
  readonly intermediate?: Size;
}

/** Gated MLP: x [B, S, hidden_size] -> the same shape. */
export class GatedMLP extends ConfiguredModule<GatedMLPConfig> {
  gate_proj: Linear;
  up_proj: Linear;
  down_proj: Linear;
  act_fn: Activation;

  constructor(at: Scope, config: GatedMLPConfig, { activation, bias = false, ...sizes }: GatedMLPOptions) {
    super(at, config);
    const intermediate = sizes.intermediate ?? this.at.size("intermediate_size");
    this.gate_proj = this.at.linear("gate_proj", "hidden_size", intermediate, { bias });
    this.up_proj = this.at.linear("up_proj", "hidden_size", intermediate, { bias });
    this.down_proj = this.at.linear("down_proj", intermediate, "hidden_size", { bias });
    this.act_fn = this.at.activation("act_fn", activation);
  }

  forward(x: Tensor): Tensor {
    return this.down_proj.call(mul(this.act_fn.call(this.gate_proj.call(x)), this.up_proj.call(x)));
  }
}
