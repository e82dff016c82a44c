import { describe, expect, test } from "vitest";
import { conv1d } from "./conv1d.ts";

describe("conv1d", () => {
  const x = Float32Array.from([1, 2, 3, 4, 10, 20, 30, 40]); // two channels of four places
  const sizes = { batch: 1, channels: 2, columns: 2, length: 4, kernel: 3, padding: 1 };
  // The first output is the place before of the first channel, the second the place behind of the second channel and
  // 0.5.
  const weight = Float32Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  const bias = Float32Array.of(0, 0.5);

  test("reads zeros beyond both ends", () => {
    const out = conv1d(x, { weight, bias }, { ...sizes, stride: 1, positions: 4 });
    expect([...out]).toEqual([0, 1, 2, 3, 20.5, 30.5, 40.5, 0.5]);
  });

  test("of stride two leaves every other place out", () => {
    const out = conv1d(x, { weight, bias }, { ...sizes, stride: 2, positions: 2 });
    expect([...out]).toEqual([0, 2, 20.5, 40.5]);
  });

  test("keeps sequences apart", () => {
    const two = Float32Array.from([...x, ...x.map((value) => -value)]);
    const out = conv1d(two, { weight, bias }, { ...sizes, batch: 2, stride: 1, positions: 4 });
    expect([...out.subarray(8)]).toEqual([0, -1, -2, -3, -19.5, -29.5, -39.5, 0.5]);
  });
});
