import { layer_norm, rms_norm } from "../kernels/normalization.ts";
import { addNumber, cast, mulRows } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/** The options of every norm: the width of its input, and eps. */
export interface NormOptions {
  readonly dim: Size;
  readonly eps: number;
}

/**
 * RMS norm over the last dimension: `x * (mean(x^2) + eps)^-0.5`, times `weight` when it has one (Llama and Gemma 3n
 * onwards; not `1 + weight`).
 */
export class RMSNorm extends Module {
  eps: number;
  /** Width of the normalised dimension. */
  dim: number;
  weight: Tensor | null;

  constructor(at: Scope, { dim, eps, with_scale = true }: NormOptions & { readonly with_scale?: boolean }) {
    super(at);
    this.eps = eps;
    this.dim = dim.value;
    this.weight = with_scale ? at.weight("weight", [dim]) : null;
  }

  /** The normalised input before the weight, in float32. */
  _norm(hidden_states: Tensor): Tensor {
    const { data, shape } = hidden_states;
    return floatTensor(shape, data && rms_norm(data, this.dim, this.eps));
  }

  forward(hidden_states: Tensor): Tensor {
    expectShape(`input of ${this.path}`, hidden_states.shape, hidden_states.shape.with(-1, this.dim), ":in");
    let normed_output = this._norm(cast(hidden_states, "F32"));
    if (this.weight !== null) normed_output = mulRows(normed_output, this.weight);
    return cast(normed_output, hidden_states.dtype);
  }
}

/**
 * An RMS norm that rounds the normalised input to the dtype of the model before it multiplies by `weight`: Llama and
 * its relatives.
 */
export class RoundedRMSNorm extends RMSNorm {
  override forward(hidden_states: Tensor): Tensor {
    expectShape(`input of ${this.path}`, hidden_states.shape, hidden_states.shape.with(-1, this.dim), ":in");
    const normed = cast(this._norm(cast(hidden_states, "F32")), hidden_states.dtype);
    return this.weight === null ? normed : mulRows(normed, this.weight);
  }
}

/** An RMS norm that multiplies by `1 + weight`: Gemma 2 and 3. */
export class OnePlusRMSNorm extends RMSNorm {
  override forward(hidden_states: Tensor): Tensor {
    expectShape(`input of ${this.path}`, hidden_states.shape, hidden_states.shape.with(-1, this.dim), ":in");
    let output = this._norm(cast(hidden_states, "F32"));
    if (this.weight !== null) output = mulRows(output, addNumber(cast(this.weight, "F32"), 1));
    return cast(output, hidden_states.dtype);
  }
}

/** `torch.nn.LayerNorm` over the last dimension, with weight and bias, or without a bias. */
export class LayerNorm extends Module {
  eps: number;
  weight: Tensor;
  bias: Tensor | null;

  constructor(at: Scope, { dim, eps, bias = true }: NormOptions & { readonly bias?: boolean }) {
    super(at);
    this.eps = eps;
    this.weight = at.weight("weight", [dim]);
    this.bias = bias ? at.weight("bias", [dim]) : null;
  }

  forward(x: Tensor): Tensor {
    expectShape(`input of ${this.path}`, x.shape, x.shape.with(-1, this.weight.size(0)), ":in");
    const [weight, bias] = [this.weight.data, this.bias?.data ?? null];
    if (x.data === null || weight === null) return floatTensor(x.shape, null, x.dtype);
    return roundedTensor(x.shape, layer_norm(x.data, { weight, bias, eps: this.eps }), x.dtype);
  }
}
