import { expect, test } from "vitest";
import { split, transposeLast } from "./split.ts";
import { floatTensor, ShapeError } from "./tensor.ts";

const table = floatTensor([1, 2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));

test("split cuts the last dimension into parts one behind the other", () => {
  const [first, second] = split(table, [1, 2]);
  expect([first.shape, second.shape]).toEqual([
    [1, 2, 1],
    [1, 2, 2],
  ]);
  expect([[...first.data!], [...second.data!]]).toEqual([
    [1, 4],
    [2, 3, 5, 6],
  ]);
});

test("split refuses sizes that don't add up", () => {
  expect(() => split(table, [1, 1])).toThrow(ShapeError);
});

test("transposeLast exchanges the last two dimensions", () => {
  const { shape, data } = transposeLast(table);
  expect(shape).toEqual([1, 3, 2]);
  expect([...data!]).toEqual([1, 4, 2, 5, 3, 6]);
});
