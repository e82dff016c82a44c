import { expect, test } from "vitest";
import { causal_conv1d } from "./convolution.ts";

const sizes = { batch: 1, channels: 2, length: 4, kernel: 3 };

test("a position reads itself with the kernel's last weight and zeros before the first position", () => {
  const x = Float32Array.of(1, 10, 100, 1000, 1, 0, 0, 0);
  const weight = Float32Array.of(3, 2, 1, 0.5, 0, 0);
  expect(Array.from(causal_conv1d(x, { weight, bias: null }, sizes))).toEqual([1, 12, 123, 1230, 0, 0, 0.5, 0]);
});

test("adds a bias per channel", () => {
  const x = new Float32Array(8);
  const weight = new Float32Array(6);
  const out = causal_conv1d(x, { weight, bias: Float32Array.of(7, -7) }, sizes);
  expect(Array.from(out)).toEqual([7, 7, 7, 7, -7, -7, -7, -7]);
});
