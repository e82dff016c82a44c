import * as kernels from "../kernels/elementwise.ts";
import { floats } from "../kernels/memory.ts";
import { round } from "./rounding.ts";
import type { FloatDtype } from "./rounding.ts";
import { Tensor, expectShape, floatTensor, roundedTensor } from "./tensor.ts";

/** `a + b`, equal shapes. */
export function add(a: Tensor, b: Tensor): Tensor {
  expectShape("add", b.shape, a.shape);
  if (a.data === null || b.data === null) return floatTensor(a.shape, null, a.dtype);
  return roundedTensor(a.shape, kernels.add(a.data, b.data), a.dtype);
}

/** `a + number`. */
export function addNumber(a: Tensor, number: number): Tensor {
  return roundedTensor(a.shape, a.data && a.data.map((value) => value + number), a.dtype);
}

/** `a * b`, equal shapes. */
export function mul(a: Tensor, b: Tensor): Tensor {
  expectShape("mul", b.shape, a.shape);
  if (a.data === null || b.data === null) return floatTensor(a.shape, null, a.dtype);
  return roundedTensor(a.shape, kernels.mul(a.data, b.data), a.dtype);
}

/** `a * factor`. `factor` is a number, which is rounded to float32, or a tensor of one element. */
export function scale(a: Tensor, factor: number | Tensor): Tensor {
  if (factor instanceof Tensor) {
    expectShape("scale", factor.shape, [1]);
    if (factor.data === null) return floatTensor(a.shape, null, a.dtype);
    return scale(a, factor.data[0]!);
  }
  if (a.data === null) return floatTensor(a.shape, null, a.dtype);
  const x = a.data;
  const scaled = new Float32Array(x.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = x[i]! * factor;
  return roundedTensor(a.shape, scaled, a.dtype);
}

/** Every row of `a` [..., D] times `row` [D]. */
export function mulRows(a: Tensor, row: Tensor): Tensor {
  expectShape("mul rows", row.shape, [a.size(-1)]);
  if (a.data === null || row.data === null) return floatTensor(a.shape, null, a.dtype);
  return roundedTensor(a.shape, kernels.mul_rows(a.data, row.data), a.dtype);
}

/** `tanh(a / cap) * cap`, each step rounded as the reference does it. */
export function softcap(a: Tensor, cap: number): Tensor {
  if (a.data === null) return floatTensor(a.shape, null, a.dtype);
  const rounded = round[a.dtype];
  const capped = Float32Array.from(a.data, (x) => rounded(Math.tanh(rounded(x / cap))) * cap);
  return roundedTensor(a.shape, capped, a.dtype);
}

/**
 * `a` in another dtype: rounded when it is a narrower one, and always a tensor of its own; `a` itself when it has that
 * dtype.
 */
export function cast(a: Tensor, dtype: FloatDtype): Tensor {
  if (a.dtype === dtype) return a;
  if (a.data === null) return floatTensor(a.shape, null, dtype);
  const copy = floats(a.data.length);
  copy.set(a.data);
  return roundedTensor(a.shape, copy, dtype);
}
