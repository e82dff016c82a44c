import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { addRows, mulColumn, sigmoid, silu, softplus } from "./pointwise.ts";

const table = floatTensor([2, 2], Float32Array.of(1, 2, 3, 4));
const values = ({ data }: { data: Float32Array | null }) => Array.from(data!);

test("addRows adds a row to every row, mulColumn multiplies each row by a number of its own", () => {
  expect(values(addRows(table, floatTensor([2], Float32Array.of(10, 20))))).toEqual([11, 22, 13, 24]);
  expect(values(mulColumn(table, floatTensor([2, 1], Float32Array.of(10, 100))))).toEqual([10, 20, 300, 400]);
});

test("softplus is the identity above 20", () => {
  const x = floatTensor([3], Float32Array.of(0, 20.5, -100));
  expect(values(softplus(x))).toEqual([Math.fround(Math.LN2), 20.5, Math.fround(Math.exp(-100))]);
});

test("results are rounded to the dtype of the input", () => {
  const x = floatTensor([1], Float32Array.of(1), "BF16");
  expect([values(sigmoid(x)), values(silu(x))]).toEqual([[0.73046875], [0.73046875]]);
  expect(sigmoid(x).dtype).toBe("BF16");
});
