import { expect, test } from "vitest";
import { float32Tensor } from "../trace/tensor.ts";
import { describeValues } from "./values.ts";

const tensor = (...values: number[]) => float32Tensor(Float32Array.from(values), [values.length]);
const expected = tensor(1.001, -0.3, 2.5, 70_001);

test("elements that differ are counted, with their size in the whole", () => {
  expect(describeValues(tensor(1, 0), tensor(1, 2))).toEqual({
    ...{ count: 1, of: 2, rounded_to: null },
    relative: expect.closeTo(2 / Math.sqrt(5)),
  });
});

test("a tensor that was rounded to bfloat16 is told", () => {
  const found = tensor(1, -0.30078125, 2.5, 70_144);
  expect(describeValues(found, expected)).toMatchObject({ count: 3, of: 4, rounded_to: "BF16" });
});

test("a tensor that was rounded to float16 is told, overflow and all", () => {
  const found = tensor(...[1.001, -0.3, 2.5, 70_001].map(Math.f16round));
  expect(describeValues(found, expected)).toMatchObject({ rounded_to: "F16", relative: null });
});

test("a sign of zero is a difference, of size 0", () => {
  expect(describeValues(tensor(-0, 1), tensor(0, 1))).toMatchObject({ count: 1, relative: 0 });
});
