import { Tensor, expectShape, floatTensor } from "./tensor.ts";

/** `a + b`, equal shapes, rounded to float32. */
export function add(a: Tensor, b: Tensor): Tensor {
  expectShape("add", b.shape, a.shape);
  if (a.data === null || b.data === null) return floatTensor(a.shape, null);
  const [x, y] = [a.data, b.data];
  const sum = new Float32Array(x.length);
  for (let i = 0; i < sum.length; i++) sum[i] = x[i]! + y[i]!;
  return floatTensor(a.shape, sum);
}

/** `a * b`, equal shapes, rounded to float32. */
export function mul(a: Tensor, b: Tensor): Tensor {
  expectShape("mul", b.shape, a.shape);
  if (a.data === null || b.data === null) return floatTensor(a.shape, null);
  const [x, y] = [a.data, b.data];
  const product = new Float32Array(x.length);
  for (let i = 0; i < product.length; i++) product[i] = x[i]! * y[i]!;
  return floatTensor(a.shape, product);
}

/** `a * factor`, rounded to float32. `factor` is a number, or a tensor of one element. */
export function scale(a: Tensor, factor: number | Tensor): Tensor {
  if (factor instanceof Tensor) {
    expectShape("scale", factor.shape, [1]);
    if (factor.data === null) return floatTensor(a.shape, null);
    return scale(a, factor.data[0]!);
  }
  if (a.data === null) return floatTensor(a.shape, null);
  const x = a.data;
  const scaled = new Float32Array(x.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = x[i]! * factor;
  return floatTensor(a.shape, scaled);
}

/** Every row of `a` [..., D] times `row` [D], rounded to float32. */
export function mulRows(a: Tensor, row: Tensor): Tensor {
  expectShape("mul rows", row.shape, [a.size(-1)]);
  if (a.data === null || row.data === null) return floatTensor(a.shape, null);
  const [x, y] = [a.data, row.data];
  const width = y.length;
  const product = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width)
    for (let i = 0; i < width; i++) product[start + i] = x[start + i]! * y[i]!;
  return floatTensor(a.shape, product);
}

/** `tanh(a / cap) * cap`, each step rounded to float32 as the reference does it. */
export function softcap(a: Tensor, cap: number): Tensor {
  if (a.data === null) return floatTensor(a.shape, null);
  const capped = Float32Array.from(a.data, (x) => Math.fround(Math.tanh(Math.fround(x / cap))) * cap);
  return floatTensor(a.shape, capped);
}
