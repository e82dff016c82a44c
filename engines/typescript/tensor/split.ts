import { reshape, slice, swapMiddle } from "./layout.ts";
import { ShapeError, type Tensor } from "./tensor.ts";

/**
 * Parts of the last dimension of `a`, one behind the other, of the given sizes: `torch.split`.
 * @throws ShapeError when the sizes don't add up to the dimension.
 */
export function split<const S extends readonly number[]>(a: Tensor, sizes: S): { -readonly [K in keyof S]: Tensor } {
  const axis = a.shape.length - 1;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== a.size(axis)) throw new ShapeError("split", { expected: a.shape.with(axis, total), found: a.shape });
  let start = 0;
  return sizes.map((size) => slice(a, axis, start, (start += size))) as { -readonly [K in keyof S]: Tensor };
}

/** The last two dimensions of a [A, B, C] tensor exchanged: [A, C, B]. */
export function transposeLast(a: Tensor): Tensor {
  const [outer, rows, columns] = a.shape as [number, number, number];
  return reshape(swapMiddle(reshape(a, [outer, rows, columns, 1])), [outer, columns, rows]);
}
