import { elementCount } from "../../../harness/trace/tensor.ts";
import { floats } from "../kernels/memory.ts";
import type { TensorData } from "./tensor.ts";
import { ShapeError, Tensor, expectShape, floatTensor } from "./tensor.ts";

/**
 * The same data in another shape (no copy). One size may be -1: it follows from the others.
 * @throws ShapeError when the element counts differ.
 */
export function reshape(a: Tensor, shape: readonly number[]): Tensor {
  const known = elementCount(shape.filter((size) => size >= 0));
  const found = elementCount(a.shape);
  const sizes = shape.map((size) => (size >= 0 ? size : known === 0 ? 0 : Math.floor(found / known)));
  if (elementCount(sizes) !== found) throw new ShapeError("reshape", { expected: sizes, found: a.shape });
  return floatTensor(sizes, a.storage, a.dtype);
}

/** Dimensions 1 and 2 of a [A, B, C, D] tensor exchanged: [A, C, B, D]. */
export function swapMiddle(a: Tensor): Tensor {
  expectShape("swap dimensions 1 and 2", a.shape, [-1, -1, -1, -1]);
  const [outer, b, c, d] = a.shape as [number, number, number, number];
  const shape = [outer, c, b, d];
  if (a.data === null) return floatTensor(shape, null, a.dtype);
  const [from, to] = [a.data, floats(a.data.length)];
  let target = 0;
  for (let i = 0; i < outer; i++)
    for (let k = 0; k < c; k++)
      for (let j = 0; j < b; j++) {
        const source = ((i * b + j) * c + k) * d;
        to.set(from.subarray(source, source + d), target);
        target += d;
      }
  return floatTensor(shape, to, a.dtype);
}

/** Joins tensors that differ only in dimension `axis` (not negative). */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0]!;
  for (const part of parts)
    expectShape(
      "concat",
      part.shape,
      first.shape.map((size, dimension) => (dimension === axis ? -1 : size)),
    );
  const shape = first.shape.with(
    axis,
    parts.reduce((sum, part) => sum + part.size(axis), 0),
  );
  if (parts.some(({ data }) => data === null)) return floatTensor(shape, null, first.dtype);
  const joined = floats(elementCount(shape));
  const outer = elementCount(shape.slice(0, axis));
  const inner = elementCount(shape.slice(axis + 1));
  let target = 0;
  for (let i = 0; i < outer; i++)
    for (const part of parts) {
      const run = part.size(axis) * inner;
      joined.set(part.data!.subarray(i * run, (i + 1) * run), target);
      target += run;
    }
  return floatTensor(shape, joined, first.dtype);
}

/** Elements [start, end) of dimension `axis` (not negative), copied. The tensor itself when that is all of it. */
export function slice<D extends TensorData, T extends Tensor<D>>(
  a: T & Tensor<D>,
  axis: number,
  start: number,
  end: number,
): T {
  const size = a.size(axis);
  if (start < 0 || end > size || start > end)
    throw new ShapeError(`slice [${start}, ${end}) of dimension ${axis}`, {
      expected: a.shape.with(axis, end),
      found: a.shape,
    });
  if (start === 0 && end === size) return a;
  const shape = a.shape.with(axis, end - start);
  if (a.data === null) return new Tensor<D>(shape, a.dtype, null) as T;
  const data = a.data as Float32Array; // any of the three: only `length`, `subarray` and `set` are used
  const length = elementCount(shape);
  const kept = a.data instanceof Float32Array ? floats(length) : new (data.constructor as typeof Float32Array)(length);
  const outer = elementCount(a.shape.slice(0, axis));
  const inner = elementCount(a.shape.slice(axis + 1));
  const run = (end - start) * inner;
  for (let i = 0; i < outer; i++) {
    const source = (i * size + start) * inner;
    kept.set(data.subarray(source, source + run), i * run);
  }
  return new Tensor<D>(shape, a.dtype, kept as unknown as D) as T;
}
