import { describe, expect, test } from "vitest";
import { swapRowsAndColumns, unfold1d } from "./unfold.ts";

describe("unfold1d", () => {
  const x = Float32Array.from([1, 2, 3, 4, 10, 20, 30, 40]); // two channels of four positions
  const sizes = { batch: 1, channels: 2, length: 4, kernel: 3, padding: 1 };

  test("gives what a kernel sees at each position, channel by channel", () => {
    const windows = unfold1d(x, { ...sizes, stride: 1, positions: 4 });
    expect([...windows.subarray(0, 6)]).toEqual([0, 1, 2, 0, 10, 20]);
    expect([...windows.subarray(18)]).toEqual([3, 4, 0, 30, 40, 0]);
  });

  test("of stride two leaves every other position out", () => {
    const windows = unfold1d(x, { ...sizes, stride: 2, positions: 2 });
    expect([...windows]).toEqual([0, 1, 2, 0, 10, 20, 2, 3, 4, 20, 30, 40]);
  });
});

test("swapRowsAndColumns keeps batches apart", () => {
  const swapped = swapRowsAndColumns(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]), { batch: 2, rows: 2, columns: 2 });
  expect([...swapped]).toEqual([1, 3, 2, 4, 5, 7, 6, 8]);
});
