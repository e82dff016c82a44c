/** Tests that inputs files are checked before any model sees them. */
import { expect, test } from "vitest";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { float32Tensor, int64Tensor } from "../../../harness/trace/tensor.ts";
import { writeInputs } from "../testing/tiny.ts";
import { readInputs } from "./inputs.ts";

const takes = ["pixel_values", "image_grid_thw"];
const flat = (patches: number): [string, RawTensor] => [
  "pixel_values",
  float32Tensor(new Float32Array(patches * 5), [patches, 5]),
];
const grid = (values: readonly number[], shape = [values.length / 3, 3]): [string, RawTensor] => [
  "image_grid_thw",
  int64Tensor(values, shape),
];
const read = (tensors: readonly [string, RawTensor][], modalities = takes) =>
  readInputs(writeInputs(new Map([["input_ids", int64Tensor([1, 2], [1, 2])], ...tensors])), modalities, null);

test("flat patches with the grids of their images", () => {
  const { modalities } = read([flat(14), grid([1, 2, 4, 1, 2, 3])]);
  expect(modalities.pixel_values!.shape).toEqual([14, 5]);
  expect([...modalities.image_grid_thw!.data]).toEqual([1, 2, 4, 1, 2, 3]);
});

test.each([
  ["grids of other images", [flat(14), grid([1, 2, 4])], "expected grids of 14 patches, as many as there are, found 8"],
  ["grids without time", [flat(8), grid([2, 4], [1, 2])], "expected positive numbers of patches [items, 3]"],
  ["an empty image", [flat(8), grid([1, 0, 4])], "expected positive numbers of patches [items, 3]"],
  ["patches without grids", [flat(8)], "expected pixel_values with image_grid_thw, found pixel_values"],
  ["grids as a vector", [flat(8), grid([1, 2, 4], [3])], "expected I64 of 2 dimensions, found I64 [3]"],
] satisfies [string, [string, RawTensor][], string][])("%s are refused", (_, tensors, message) => {
  expect(() => read(tensors)).toThrow(message);
});

test("a model that takes no grids says so", () => {
  expect(() => read([flat(8), grid([1, 2, 4])], ["pixel_values"])).toThrow("the model takes no image_grid_thw");
});
