/** The element types that travel between engines, spelled as in safetensors headers. */
export type Dtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** Bytes per element. */
export const dtypeBytes: Readonly<Record<Dtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The dtypes an engine computes in, spelled as in PyTorch. */
export type ComputeDtype = "float64" | "float32" | "bfloat16" | "float16";

/** Distance from 1 to the next number: 2^-(stored mantissa bits). */
export const machineEpsilon: Readonly<Record<"F64" | "F32" | "F16" | "BF16", number>> = {
  F64: 2 ** -52,
  F32: 2 ** -23,
  F16: 2 ** -10,
  BF16: 2 ** -7,
};

/** True when `text` is a dtype of this package. */
export function isDtype(text: string): text is Dtype {
  return Object.hasOwn(dtypeBytes, text);
}

/** True for the dtypes that carry rounding noise; the others must match bit for bit. */
export function isFloating(dtype: Dtype): dtype is "F64" | "F32" | "F16" | "BF16" {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** Half an ulp at magnitude `rms`: the error of one correctly rounded result of that size. */
export function halfUlp(dtype: "F64" | "F32" | "F16" | "BF16", rms: number): number {
  if (rms === 0 || !Number.isFinite(rms)) return Number.MIN_VALUE;
  return 2 ** Math.floor(Math.log2(rms)) * machineEpsilon[dtype] * 0.5;
}
