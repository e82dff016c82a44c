import type { Dtype } from "./dtypes.ts";
import { dtypeBytes, isDtype, readNumbers } from "./dtypes.ts";

/** A tensor as it travels: row-major little-endian bytes with a dtype and a shape. */
export interface RawTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** `elementCount(shape) * dtypeBytes[dtype]` bytes, aligned to 8. */
  readonly bytes: Uint8Array;
}

/** True for what is a tensor by its fields: a known dtype, sizes, and as many bytes as they need. */
export function isTensor(value: unknown): value is RawTensor {
  const { dtype, shape, bytes } = (value ?? {}) as Partial<Record<keyof RawTensor, unknown>>;
  if (typeof dtype !== "string" || !isDtype(dtype) || !Array.isArray(shape) || !(bytes instanceof Uint8Array))
    return false;
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return false;
  return bytes.byteLength === elementCount(shape as number[]) * dtypeBytes[dtype];
}

/** Number of elements of `shape`; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A float32 tensor over `values` (no copy). */
export function float32Tensor(values: Float32Array, shape: readonly number[]): RawTensor {
  return { dtype: "F32", shape, bytes: viewBytes(values) };
}

/** An int64 tensor; throws RangeError when a value is not a safe integer. */
export function int64Tensor(values: ArrayLike<number>, shape: readonly number[]): RawTensor {
  const array = BigInt64Array.from({ length: values.length }, (_, index) => BigInt(values[index]!));
  return { dtype: "I64", shape, bytes: viewBytes(array) };
}

/** A boolean tensor: one byte per element, 0 or 1. */
export function boolTensor(values: ArrayLike<number>, shape: readonly number[]): RawTensor {
  const bytes = new Uint8Array(values.length);
  for (let index = 0; index < bytes.length; index++) if (values[index] !== 0) bytes[index] = 1;
  return { dtype: "BOOL", shape, bytes };
}

/** The bytes behind a typed array, without a copy. */
export function viewBytes(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * The numbers of a tensor of any dtype, widened without loss to float64 (int64 beyond 2^53 excepted).
 * float32 and float64 are views where alignment allows, everything else is converted.
 */
export function toNumbers(tensor: RawTensor): Float32Array | Float64Array {
  const { bytes, dtype } = tensor;
  const count = bytes.byteLength / dtypeBytes[dtype];
  const aligned = bytes.byteOffset % dtypeBytes[dtype] === 0 ? bytes : bytes.slice();
  return readNumbers(dtype, aligned.buffer, aligned.byteOffset, count);
}
