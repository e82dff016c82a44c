import { describe, expect, it } from "vitest";
import { float32Tensor, int64Tensor } from "../trace/tensor.ts";
import { alongBatch } from "./broadcast.ts";

const positions = (rows: readonly (readonly number[])[]) => int64Tensor(rows.flat(), [rows.length, rows[0]!.length]);

describe("a tensor with a batch of 1", () => {
  const [one, two] = [positions([[0, 1, 2]]), positions([[0, 1, 2], [0, 1, 2]])]; // prettier-ignore

  it("is that of a batch whose rows are all the same", () => {
    expect(alongBatch(one, two)).toEqual(two);
  });

  it("stands for a batch of the engine's whose rows are all the same", () => {
    expect(alongBatch(two, one)).toEqual(one);
  });

  it("is no batch whose rows differ", () => {
    expect(alongBatch(one, positions([[0, 1, 2], [0, 0, 1]]))).toBeNull(); // prettier-ignore
  });

  it("does not hide that the engine's rows differ", () => {
    expect(alongBatch(positions([[0, 1, 2], [0, 0, 1]]), one)).toBeNull(); // prettier-ignore
  });

  it("is never broadcast along another axis, to another dtype or from a batch of 2", () => {
    const wide = float32Tensor(new Float32Array(6), [1, 6]);
    expect(alongBatch(float32Tensor(new Float32Array(1), [1, 1]), wide)).toBeNull();
    expect(alongBatch(float32Tensor(new Float32Array(3), [1, 3]), two)).toBeNull();
    expect(alongBatch(two, positions([[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2]]))).toBeNull(); // prettier-ignore
  });

  it("is expanded where the expected values are not known", () => {
    expect(alongBatch(one, { shape: [2, 3], dtype: "I64" })).toEqual(two);
  });
});
