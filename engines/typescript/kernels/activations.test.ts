import { expect, test } from "vitest";
import { activate, activations } from "./activations.ts";

test("gelu keeps its digits where 1 + erf cancels", () => {
  for (const x of [-2.001, -2.5, -3, -4, -5, -5.5, -6, -7]) {
    const [value] = activate(Float32Array.of(x), activations.gelu);
    const truth = activations.gelu(Math.fround(x));
    expect(Math.abs(value! / truth - 1), `gelu(${x}) = ${value}, ${truth}`).toBeLessThan(3e-6);
  }
});

test("gelu is zero where float64 has nothing left of 1 + erf", () => {
  expect([...activate(Float32Array.of(-8.5, -20, -1e30), activations.gelu)]).toEqual([-0, -0, -0]);
});

test("gelu hands on what is not a number", () => {
  expect(activate(Float32Array.of(Number.NaN), activations.gelu)[0]).toBeNaN();
});
