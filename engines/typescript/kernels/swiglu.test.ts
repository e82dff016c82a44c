import { expect, test } from "vitest";
import { clamped_swiglu } from "./swiglu.ts";

const swiglu = (...gate_up: number[]) => [
  ...clamped_swiglu(Float32Array.from(gate_up), { alpha: 0, limit: 2, round: Math.fround }),
];

test("gates and ups take turns; with alpha 0 half of the gate is let through", () => {
  expect(swiglu(1, 0, -4, 1)).toEqual([0.5, -4]);
});

test("the gate is clamped from above, the up half from both sides", () => {
  expect(swiglu(6, 0, -6, 0, 2, 9, 2, -9)).toEqual([1, -3, 3, -1]);
});
