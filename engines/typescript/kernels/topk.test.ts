import { expect, test } from "vitest";
import { gather_columns, normalize_rows, topk_indices } from "./topk.ts";

const scores = Float32Array.of(0.1, 0.5, 0.2, 0.4, 0.3, 0.3, 0.1, 0.9);

test("the largest first, and of equal ones the lower column", () => {
  expect([...topk_indices(scores, { width: 4, k: 3 })]).toEqual([1, 3, 2, 3, 0, 1]);
});

test("columns are gathered row by row", () => {
  expect([...gather_columns(scores, Int32Array.of(3, 0, 3, 2), { width: 4, k: 2 })]).toEqual([
    ...Float32Array.of(0.4, 0.1, 0.9, 0.1),
  ]);
});

test("rows are divided by their sums", () => {
  expect([...normalize_rows(Float32Array.of(1, 3, 5, 5), 2)]).toEqual([0.25, 0.75, 0.5, 0.5]);
});
