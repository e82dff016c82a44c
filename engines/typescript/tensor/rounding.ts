import { round_in_place } from "../kernels/elementwise.ts";
import type { ComputeDtype } from "../../../harness/trace/dtypes.ts";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { float32Tensor, viewBytes } from "../../../harness/trace/tensor.ts";

/**
 * The floating dtypes of tensors. All are kept as float32 numbers, in the narrow ones only those that the dtype has.
 */
export type FloatDtype = "F32" | "BF16" | "F16";

/** The dtypes that a model can be loaded in, each with the dtype that its tensors then have. */
export const computeDtypes: Readonly<Record<Exclude<ComputeDtype, "float64">, FloatDtype>> = {
  float32: "F32",
  bfloat16: "BF16",
  float16: "F16",
};

/** The most negative finite number of each dtype. */
export const lowest: Readonly<Record<FloatDtype, number>> = {
  F32: -(2 ** 128 - 2 ** 104),
  BF16: -(2 ** 128 - 2 ** 120),
  F16: -65504,
};

const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

/**
 * One number rounded to a dtype, ties to even. The narrow dtypes round float32, as an operation that computes in
 * float32 and then rounds to its dtype: twice.
 */
export const round: Readonly<Record<FloatDtype, (value: number) => number>> = {
  F32: Math.fround,
  BF16: (value) => {
    number[0] = value;
    if (Number.isNaN(value)) return value;
    bits[0]! += 0x7fff + ((bits[0]! >>> 16) & 1); // half a unit, a little less where that keeps an even number
    bits[0]! &= 0xffff0000;
    return number[0];
  },
  F16: (value) => Math.f16round(Math.fround(value)),
};

/** Rounds `values` to `dtype` in place, ties to even; float32 is left alone. Returns `values`. */
export function roundAll(values: Float32Array, dtype: FloatDtype): Float32Array {
  return dtype === "F32" ? values : round_in_place(values, dtype);
}

/** `values`, numbers of `dtype`, as a tensor that travels: a copy of 4 or 2 bytes an element. */
export function packFloats(values: Float32Array, dtype: FloatDtype, shape: readonly number[]): RawTensor {
  if (dtype === "F32") return float32Tensor(values.slice(), shape);
  if (dtype === "F16") return { dtype, shape, bytes: viewBytes(new Float16Array(values)) };
  const halves = new Uint16Array(values.buffer, values.byteOffset, values.length * 2);
  const upper = new Uint16Array(values.length); // bfloat16 is the upper half of float32
  for (let i = 0; i < upper.length; i++) upper[i] = halves[2 * i + 1]!;
  return { dtype, shape, bytes: viewBytes(upper) };
}
