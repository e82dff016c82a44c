import { conv1d } from "../kernels/conv1d.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/** The options of a Conv1d. */
export interface Conv1dOptions {
  readonly in: Size;
  readonly out: Size;
  readonly kernel_size: number;
  readonly stride?: number;
  /** Zeros before the first and behind the last position. */
  readonly padding?: number;
}

/** `torch.nn.Conv1d`: x [B, in, T] -> [B, out, (T + 2 padding - kernel) / stride + 1]. */
export class Conv1d extends Module {
  weight: Tensor;
  bias: Tensor;
  kernel_size: number;
  stride: number;
  padding: number;

  constructor(at: Scope, { in: inner, out, kernel_size, stride = 1, padding = 0 }: Conv1dOptions) {
    super(at);
    const kernel = { value: kernel_size, text: String(kernel_size) };
    this.weight = at.weight("weight", [out, inner, kernel]);
    this.bias = at.weight("bias", [out]);
    this.kernel_size = kernel_size;
    this.stride = stride;
    this.padding = padding;
  }

  forward(x: Tensor): Tensor {
    const [columns, channels] = this.weight.shape as [number, number];
    expectShape(`input of ${this.path}`, x.shape, [-1, channels, -1], ":in");
    const [batch, , length] = x.shape as [number, number, number];
    const { kernel_size, stride, padding } = this;
    const positions = Math.floor((length + 2 * padding - kernel_size) / stride) + 1;
    const shape = [batch, columns, positions];
    const [weight, bias] = [this.weight.data, this.bias.data];
    if (x.data === null || weight === null || bias === null) return floatTensor(shape, null, x.dtype);
    const sizes = { batch, channels, columns, length, kernel: kernel_size, stride, padding, positions };
    return roundedTensor(shape, conv1d(x.data, { weight, bias }, sizes), x.dtype);
  }
}
