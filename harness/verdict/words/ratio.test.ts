import { expect, it } from "vitest";
import { format, noiseText } from "./ratio.ts";

it.each([
  [0, "0.00"],
  [1.004, "1.00"],
  [9.99, "9.99"],
  [12.34, "12.3"],
  [100, "100"],
  [1283183.4, "1,283,183"],
  [2.14e9, "2.1e+9"],
  [1e30, "infinite"],
])("%d as %s", (ratio, text) => {
  expect(format(ratio)).toBe(text);
});

it("says that the reference is exact where there is no noise to count in", () => {
  expect([noiseText(12.34), noiseText(1e30)]).toEqual([
    "12.3x noise",
    "not equal to the reference, which is exact here",
  ]);
});
