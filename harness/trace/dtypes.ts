/**
 * The one list of dtypes: those that travel between engines, and those that engines compute in. Adding one is a row
 * here.
 */

/** The facts about an element type. */
interface DtypeFacts {
  readonly bytes: number;
  /** Distance from 1 to the next number: 2^-(stored mantissa bits). Null for types that must match bit for bit. */
  readonly epsilon: number | null;
  /** The numbers of aligned bytes, widened without loss (int64 beyond 2^53 excepted). */
  readonly read: (buffer: ArrayBufferLike, offset: number, count: number) => Float32Array | Float64Array;
}

/** The element types that travel between engines, spelled as in safetensors headers. */
const dtypes = {
  F64: { bytes: 8, epsilon: 2 ** -52, read: (buffer, offset, count) => new Float64Array(buffer, offset, count) },
  F32: { bytes: 4, epsilon: 2 ** -23, read: (buffer, offset, count) => new Float32Array(buffer, offset, count) },
  F16: {
    bytes: 2,
    epsilon: 2 ** -10,
    read: (buffer, offset, count) => Float32Array.from(new Float16Array(buffer, offset, count)),
  },
  BF16: {
    bytes: 2,
    epsilon: 2 ** -7,
    read: (buffer, offset, count) => widenBfloat16(new Uint16Array(buffer, offset, count)),
  },
  I64: {
    bytes: 8,
    epsilon: null,
    read: (buffer, offset, count) => Float64Array.from(new BigInt64Array(buffer, offset, count), Number),
  },
  I32: {
    bytes: 4,
    epsilon: null,
    read: (buffer, offset, count) => Float64Array.from(new Int32Array(buffer, offset, count)),
  },
  I16: {
    bytes: 2,
    epsilon: null,
    read: (buffer, offset, count) => Float32Array.from(new Int16Array(buffer, offset, count)),
  },
  I8: {
    bytes: 1,
    epsilon: null,
    read: (buffer, offset, count) => Float32Array.from(new Int8Array(buffer, offset, count)),
  },
  U8: {
    bytes: 1,
    epsilon: null,
    read: (buffer, offset, count) => Float32Array.from(new Uint8Array(buffer, offset, count)),
  },
  BOOL: {
    bytes: 1,
    epsilon: null,
    read: (buffer, offset, count) => Float32Array.from(new Uint8Array(buffer, offset, count)),
  },
} as const satisfies Record<string, DtypeFacts>;

/** An element type of a tensor that travels. */
export type Dtype = keyof typeof dtypes;

/** An element type that carries rounding noise. */
export type FloatingDtype = { [D in Dtype]: (typeof dtypes)[D]["epsilon"] extends null ? never : D }[Dtype];

/** The dtypes that runs compute in, spelled as in PyTorch, and what their tensors are stored as. */
export const computeDtypes = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const satisfies Record<
  string,
  Dtype
>;

/** The names of `computeDtypes`, in the order in which they are listed. */
export const computeDtypeNames = Object.keys(computeDtypes) as readonly (keyof typeof computeDtypes)[];

/** A dtype that an engine computes in; the oracle's float64 among them. */
export type ComputeDtype = "float64" | keyof typeof computeDtypes;

/** Bytes per element. */
export const dtypeBytes = Object.fromEntries(
  Object.entries(dtypes).map(([name, { bytes }]) => [name, bytes]),
) as Readonly<Record<Dtype, number>>;

/** Distance from 1 to the next number of a floating dtype. */
export const machineEpsilon = Object.fromEntries(
  Object.entries(dtypes).flatMap(([name, { epsilon }]) => (epsilon === null ? [] : [[name, epsilon]])),
) as Readonly<Record<FloatingDtype, number>>;

/** True when `text` is a dtype of this package. */
export function isDtype(text: string): text is Dtype {
  return Object.hasOwn(dtypes, text);
}

/** True when `text` names a dtype that runs compute in. */
export function isComputeDtype(text: string): text is keyof typeof computeDtypes {
  return Object.hasOwn(computeDtypes, text);
}

/** True for the dtypes that carry rounding noise; the others must match bit for bit. */
export function isFloating(dtype: Dtype): dtype is FloatingDtype {
  return dtypes[dtype].epsilon !== null;
}

/** Half an ulp at magnitude `rms`: the error of one correctly rounded result of that size. */
export function halfUlp(dtype: FloatingDtype, rms: number): number {
  if (rms === 0 || !Number.isFinite(rms)) return Number.MIN_VALUE;
  return 2 ** Math.floor(Math.log2(rms)) * machineEpsilon[dtype] * 0.5;
}

/** The numbers of `count` elements whose bytes begin at `offset`, which is a multiple of the element's size. */
export function readNumbers(
  dtype: Dtype,
  buffer: ArrayBufferLike,
  offset: number,
  count: number,
): Float32Array | Float64Array {
  const { read }: DtypeFacts = dtypes[dtype];
  return read(buffer, offset, count);
}

/** bfloat16 bit patterns as float32 numbers (exact: bfloat16 is the upper half of float32). */
export function widenBfloat16(patterns: Uint16Array): Float32Array {
  const widened = new Uint32Array(patterns.length);
  for (let index = 0; index < patterns.length; index++) widened[index] = patterns[index]! << 16;
  return new Float32Array(widened.buffer);
}
