import { expect, test } from "vitest";
import { matrixOf } from "./matrix.ts";

const verdicts = [
  { case: "a", dtype: "f32" },
  { case: "b", dtype: "f32" },
  { case: "a", dtype: "bf16" },
  { case: "b", dtype: "f32" },
];

test("a matrix has a row a case and a column an engine, the latest verdict in each cell, null where none is", () => {
  expect(matrixOf(verdicts, ({ dtype }) => dtype)).toEqual({
    columns: ["f32", "bf16"],
    rows: [
      { name: "a", cells: [0, 2] },
      { name: "b", cells: [3, null] },
    ],
  });
});
