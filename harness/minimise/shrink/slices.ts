import { dtypeBytes } from "../../trace/dtypes.ts";
import type { RawTensor } from "../../trace/tensor.ts";
import { elementCount } from "../../trace/tensor.ts";

/** The tensor with only the given indices of `axis` (counted from the front), in their order. */
export function pickAlong({ dtype, shape, bytes }: RawTensor, axis: number, indices: readonly number[]): RawTensor {
  const inner = elementCount(shape.slice(axis + 1)) * dtypeBytes[dtype];
  const outer = elementCount(shape.slice(0, axis));
  const size = shape[axis]!;
  const picked = new Uint8Array(outer * indices.length * inner);
  let at = 0;
  for (let block = 0; block < outer; block++)
    for (const index of indices) {
      const from = (block * size + index) * inner;
      picked.set(bytes.subarray(from, from + inner), at);
      at += inner;
    }
  return { dtype, shape: shape.map((length, place) => (place === axis ? indices.length : length)), bytes: picked };
}

/** `[0, count)` without `[start, end)`. */
export function indicesWithout(count: number, start: number, end: number): number[] {
  return Array.from({ length: count }, (_, index) => index).filter((index) => index < start || index >= end);
}
