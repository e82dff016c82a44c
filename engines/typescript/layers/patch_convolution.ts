import { linear } from "../kernels/linear.ts";
import { reshape } from "../tensor/layout.ts";
import { transposeLast } from "../tensor/split.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/**
 * `torch.nn.Conv2d` of which the stride is as wide as the kernel: images [N, channels, H, W] -> [N, out, H / kernel, W
 * / kernel].
 */
export class PatchConvolution extends Module {
  weight: Tensor;
  bias: Tensor;

  constructor(at: Scope, { channels, out, kernel }: { channels: Size; out: Size; kernel: Size }) {
    super(at);
    this.weight = at.weight("weight", [out, channels, kernel, kernel]);
    this.bias = at.weight("bias", [out]);
  }

  override get type(): string {
    return "Conv2d";
  }

  forward(images: Tensor): Tensor {
    const [columns, channels, kernel] = this.weight.shape as [number, number, number];
    expectShape(`input of ${this.path}`, images.shape, [-1, channels, -1, -1], ":in");
    const [count, , height, width] = images.shape as [number, number, number, number];
    const [down, across] = [Math.floor(height / kernel), Math.floor(width / kernel)];
    const patches = this.unfold(images, kernel); // [N, patches, channels * kernel * kernel]
    const inner = patches.size(2);
    const shape = [count, down * across, columns];
    const { weights } = this.weight;
    if (patches.data === null || weights === null)
      return floatTensor([count, columns, down, across], null, images.dtype);
    const product = linear(patches.data, weights, this.bias.data, { rows: count * down * across, inner, columns });
    return reshape(transposeLast(roundedTensor(shape, product, images.dtype)), [count, columns, down, across]);
  }

  /** The pixels of each patch, channel by channel and row by row; patches in reading order. */
  unfold(images: Tensor, kernel: number): Tensor {
    const [count, channels, height, width] = images.shape as [number, number, number, number];
    const [down, across] = [Math.floor(height / kernel), Math.floor(width / kernel)];
    const shape = [count, down * across, channels * kernel * kernel];
    const { data, dtype } = images;
    if (data === null) return floatTensor(shape, null, dtype);
    const patches = new Float32Array(shape.reduce((product, size) => product * size, 1));
    let target = 0;
    for (let n = 0; n < count; n++)
      for (let y = 0; y < down; y++)
        for (let x = 0; x < across; x++)
          for (let c = 0; c < channels; c++)
            for (let row = 0; row < kernel; row++) {
              const source = ((n * channels + c) * height + y * kernel + row) * width + x * kernel;
              patches.set(data.subarray(source, source + kernel), target);
              target += kernel;
            }
    return floatTensor(shape, patches, dtype);
  }
}

/**
 * `torch.nn.Conv3d` without bias whose kernel covers the whole of its input, one patch of a few frames: patches [N,
 * channels, frames, height, width] -> [N, out, 1, 1, 1].
 */
export class WholePatchConvolution extends Module {
  weight: Tensor;

  constructor(at: Scope, { channels, out, kernel }: { channels: Size; out: Size; kernel: readonly Size[] }) {
    super(at);
    this.weight = at.weight("weight", [out, channels, ...kernel]);
  }

  override get type(): string {
    return "Conv3d";
  }

  forward(patches: Tensor): Tensor {
    const [columns, ...patch] = this.weight.shape as [number, ...number[]];
    expectShape(`input of ${this.path}`, patches.shape, [-1, ...patch], ":in");
    const rows = patches.size(0);
    const inner = patch.reduce((product, size) => product * size, 1);
    const shape = [rows, columns, 1, 1, 1];
    const { weights } = this.weight;
    if (patches.data === null || weights === null) return floatTensor(shape, null, patches.dtype);
    return roundedTensor(shape, linear(patches.data, weights, null, { rows, inner, columns }), patches.dtype);
  }
}
