import { elementCount } from "../../../harness/trace/tensor.ts";
import { PackedHalves } from "../kernels/packed.ts";
import { PagedStates } from "../kernels/pages.ts";
import type { FloatDtype } from "./rounding.ts";
import { roundAll } from "./rounding.ts";

/**
 * The arrays that hold a tensor's numbers: floats of any dtype, int64 (as int32: token ids, positions) and bool (0 or
 * 1).
 */
export type TensorData = Float32Array | Int32Array | Uint8Array;

/** The dtypes of the tensors that keep their numbers in `D`. */
export type DtypeOf<D extends TensorData> = D extends Float32Array ? FloatDtype : D extends Int32Array ? "I64" : "BOOL";

/**
 * A row-major tensor. `data` is null in shapes-only mode: every operation then checks and computes shapes alone.
 * Operations never write into their operands, so a tensor may be shared freely. A result has the dtype of the first
 * operand and is rounded to it.
 */
export class Tensor<D extends TensorData = Float32Array> {
  readonly shape: readonly number[];
  readonly dtype: DtypeOf<D>;
  /**
   * The numbers as they are kept: weights may be packed, whatever dtype they count as, and a cache may have room
   * between its heads.
   */
  readonly storage: D | PackedHalves | PagedStates | null;

  constructor(shape: readonly number[], dtype: DtypeOf<D>, storage: D | PackedHalves | PagedStates | null) {
    if (storage !== null && storage.length !== elementCount(shape))
      throw new RangeError(`a tensor of shape [${shape.join(", ")}] can't hold ${storage.length} elements`);
    this.shape = shape;
    this.dtype = dtype;
    this.storage = storage;
  }

  /** The numbers in order; those that are kept otherwise are expanded anew each time. */
  get data(): D | null {
    const { storage } = this;
    return storage instanceof PackedHalves || storage instanceof PagedStates ? (storage.expand() as D) : storage;
  }

  /** The numbers as a matrix product reads them: packed where they are kept so. */
  get weights(): D | PackedHalves | null {
    return this.storage instanceof PackedHalves ? this.storage : this.data;
  }

  /** Size of dimension `axis`; negative axes count from the end. Throws RangeError when there is no such dimension. */
  size(axis: number): number {
    const size = this.shape.at(axis);
    if (size === undefined) throw new RangeError(`no dimension ${axis} in [${this.shape.join(", ")}]`);
    return size;
  }

  /** Number of rows when all dimensions but the last are flattened. */
  get rows(): number {
    return elementCount(this.shape.slice(0, -1));
  }
}

/** Int64 tensor: token ids, positions, 0/1 masks from the inputs. Its data is always present. */
export type IndexTensor = Tensor<Int32Array> & { readonly data: Int32Array };

/** Boolean tensor, 1 = true. Its data is absent in shapes-only mode. */
export type MaskTensor = Tensor<Uint8Array>;

/** A floating tensor over `data` (no copy), numbers that `dtype` has, or shapes only when null. */
export function floatTensor(
  shape: readonly number[],
  data: Float32Array | PackedHalves | PagedStates | null,
  dtype: FloatDtype = "F32",
): Tensor {
  return new Tensor(shape, dtype, data);
}

/** A floating tensor over `data`, the fresh result of an operation, which is rounded to `dtype` in place. */
export function roundedTensor(shape: readonly number[], data: Float32Array | null, dtype: FloatDtype): Tensor {
  return new Tensor(shape, dtype, data && roundAll(data, dtype));
}

/** An int64 tensor over `data` (no copy). */
export function indexTensor(shape: readonly number[], data: Int32Array): IndexTensor {
  return new Tensor(shape, "I64", data) as IndexTensor;
}

/** A boolean tensor over `data` (no copy), or shapes only when null. */
export function maskTensor(shape: readonly number[], data: Uint8Array | null): MaskTensor {
  return new Tensor(shape, "BOOL", data);
}

/** Shapes that don't fit. `site` is filled in by the innermost module whose forward was running. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
  readonly expected: readonly number[];
  readonly found: readonly number[];
  /** Port or functional site within the module (`:in`, `#scores`) when the thrower knows it. */
  readonly port: string | null;
  site: string | null = null;

  constructor(what: string, shapes: { expected: readonly number[]; found: readonly number[]; port?: string }) {
    super(`${what}: expected shape [${shapes.expected.join(", ")}], found [${shapes.found.join(", ")}]`);
    this.expected = shapes.expected;
    this.found = shapes.found;
    this.port = shapes.port ?? null;
  }
}

/** Throws ShapeError unless `found` equals `expected`; a -1 in `expected` allows any size. */
export function expectShape(what: string, found: readonly number[], expected: readonly number[], port?: string): void {
  const fits = found.length === expected.length && expected.every((size, axis) => size < 0 || size === found[axis]);
  if (fits) return;
  const wanted = expected.map((size, axis) => (size < 0 ? (found[axis] ?? size) : size));
  throw new ShapeError(what, { expected: wanted, found, ...(port === undefined ? {} : { port }) });
}
