/** Functions of single elements that the reference calls as functions, not as modules: no sites, one rounding. */
import { activate, activations } from "../kernels/activations.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";

/** `element` of every number of `x`, rounded to its dtype. */
export function pointwise(x: Tensor, element: (value: number, index: number) => number): Tensor {
  return roundedTensor(x.shape, x.data && x.data.map(element), x.dtype);
}

export const silu = (x: Tensor): Tensor => pointwise(x, activations.silu);

/** The exact one, with the error function. */
export const gelu = (x: Tensor): Tensor =>
  roundedTensor(x.shape, x.data && activate(x.data, activations.gelu), x.dtype);

export const sigmoid = (x: Tensor): Tensor => pointwise(x, activations.sigmoid);

/** `log(1 + exp(x))`, and `x` itself above 20, as PyTorch has it. */
export const softplus = (x: Tensor): Tensor =>
  pointwise(x, (value) => (value > 20 ? value : Math.log1p(Math.exp(value))));

/** Every row of `a` [..., D] plus `row` [D]. */
export function addRows(a: Tensor, row: Tensor): Tensor {
  expectShape("add rows", row.shape, [a.size(-1)]);
  if (a.data === null || row.data === null) return floatTensor(a.shape, null, a.dtype);
  const [values, width] = [row.data, row.data.length];
  return roundedTensor(
    a.shape,
    a.data.map((x, i) => x + values[i % width]!),
    a.dtype,
  );
}

/** Every row of `a` [N, D] times its own number in `column` [N, 1], rounded to the dtype of `a`. */
export function mulColumn(a: Tensor, column: Tensor): Tensor {
  expectShape("mul column", column.shape, a.shape.with(-1, 1));
  if (a.data === null || column.data === null) return floatTensor(a.shape, null, a.dtype);
  const [factors, width] = [column.data, a.size(-1)];
  return roundedTensor(
    a.shape,
    a.data.map((x, i) => x * factors[Math.floor(i / width)]!),
    a.dtype,
  );
}
