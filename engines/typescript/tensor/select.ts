import { floats } from "../kernels/memory.ts";
import type { IndexTensor, Tensor } from "./tensor.ts";
import { ShapeError, expectShape, floatTensor, indexTensor } from "./tensor.ts";

/** An index tensor of the shape of `a` with 1 where `test` holds for the value, else 0. */
export function where(a: IndexTensor, test: (value: number, index: number) => boolean): IndexTensor {
  return indexTensor(
    a.shape,
    Int32Array.from(a.data, (value, index) => (test(value, index) ? 1 : 0)),
  );
}

/** Number of ones in a 0/1 tensor. */
export function countTrue(mask: IndexTensor): number {
  return mask.data.reduce((sum, value) => sum + value, 0);
}

/** Rows of `a` [..., D] where the 0/1 `mask` [...] is 1, in order: [count, D]. */
export function selectRows(a: Tensor, mask: IndexTensor): Tensor {
  expectShape("select rows", mask.shape, a.shape.slice(0, -1));
  const width = a.size(-1);
  const shape = [countTrue(mask), width];
  if (a.data === null) return floatTensor(shape, null, a.dtype);
  const rows = floats(shape[0]! * width);
  let target = 0;
  for (let row = 0; row < mask.data.length; row++)
    if (mask.data[row] === 1) rows.set(a.data.subarray(row * width, (row + 1) * width), width * target++);
  return floatTensor(shape, rows, a.dtype);
}

/** The rows `rows` of `a` [N, D], in that order: [rows, D]. */
export function takeRows(a: Tensor, rows: Int32Array): Tensor {
  expectShape("take rows", a.shape, [-1, -1]);
  const width = a.size(1);
  const shape = [rows.length, width];
  if (a.data === null) return floatTensor(shape, null, a.dtype);
  const taken = floats(rows.length * width);
  for (const [target, row] of rows.entries())
    taken.set(a.data.subarray(row * width, (row + 1) * width), target * width);
  return floatTensor(shape, taken, a.dtype);
}

/**
 * A copy of `a` [..., D] in which the rows where the 0/1 `mask` [...] is 1 are replaced by the rows of `source` [N, D],
 * in order; surplus rows of `source` are not used, as in `torch.masked_scatter`.
 * @throws ShapeError when `source` has too few rows or another width.
 */
export function maskedScatter(a: Tensor, mask: IndexTensor, source: Tensor): Tensor {
  expectShape("masked scatter", mask.shape, a.shape.slice(0, -1));
  const width = a.size(-1);
  expectShape("masked scatter", source.shape, [-1, width]);
  const count = countTrue(mask);
  if (source.size(0) < count) throw new ShapeError("masked scatter", { expected: [count, width], found: source.shape });
  if (a.data === null || source.data === null) return floatTensor(a.shape, null, a.dtype);
  const scattered = a.data.slice();
  let row = 0;
  for (let index = 0; index < mask.data.length; index++)
    if (mask.data[index] === 1) {
      scattered.set(source.data.subarray(row * width, (row + 1) * width), index * width);
      row++;
    }
  return floatTensor(a.shape, scattered, a.dtype);
}
