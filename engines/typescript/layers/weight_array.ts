import type { WeightArray } from "../kernels/packed.ts";
import { PackedHalves } from "../kernels/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A weight as the kernels read it, packed or not; null in shapes-only mode. */
export function weightArray(weight: Tensor): WeightArray | null {
  return weight.storage instanceof PackedHalves ? weight.storage : weight.data;
}
