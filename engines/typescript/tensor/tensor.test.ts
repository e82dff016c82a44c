import { describe, expect, test } from "vitest";
import { add, cast, mulRows, scale, softcap } from "./elementwise.ts";
import { concat, reshape, slice, swapMiddle } from "./layout.ts";
import { maskedScatter, selectRows } from "./select.ts";
import { ShapeError, floatTensor, indexTensor } from "./tensor.ts";

const range = (...shape: number[]) =>
  floatTensor(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  );
const empty = (...shape: number[]) => floatTensor(shape, null);
const values = (tensor: { data: ArrayLike<number> | null }) => Array.from(tensor.data!);

function shapeError(run: () => unknown): ShapeError {
  try {
    run();
  } catch (error) {
    if (error instanceof ShapeError) return error;
  }
  throw new Error("no ShapeError was thrown");
}

describe("layout", () => {
  test("reshape keeps the data and fills in -1", () => {
    const a = range(2, 6);
    expect(reshape(a, [2, -1, 3]).shape).toEqual([2, 2, 3]);
    expect(reshape(a, [2, -1, 3]).data).toBe(a.data);
    expect(shapeError(() => reshape(a, [-1, 5]))).toMatchObject({ expected: [2, 5], found: [2, 6] });
  });

  test("swapMiddle", () => {
    expect(values(swapMiddle(range(1, 2, 3, 1)))).toEqual([0, 3, 1, 4, 2, 5]);
    expect(swapMiddle(empty(1, 2, 3, 4)).shape).toEqual([1, 3, 2, 4]);
  });

  test("concat and slice along a middle dimension undo each other", () => {
    const a = range(2, 5, 3);
    const parts = [slice(a, 1, 0, 2), slice(a, 1, 2, 5)];
    expect(values(concat(parts, 1))).toEqual(values(a));
    expect(slice(a, 1, 0, 5)).toBe(a);
    expect(shapeError(() => slice(a, 1, 3, 6)).found).toEqual([2, 5, 3]);
  });
});

describe("elementwise", () => {
  test("no broadcasting", () => {
    expect(shapeError(() => add(range(2, 3), range(1, 3)))).toMatchObject({ expected: [2, 3], found: [1, 3] });
  });

  test("results are rounded to float32", () => {
    expect(values(scale(floatTensor([1], Float32Array.of(1)), 0.1))).toEqual([Math.fround(0.1)]);
    expect(values(softcap(floatTensor([1], Float32Array.of(1e9)), 2.5))).toEqual([2.5]);
  });

  test("a result has the dtype of the first operand and is rounded to it", () => {
    const third = cast(floatTensor([1], Float32Array.of(1 / 3)), "BF16");
    expect(third).toMatchObject({ dtype: "BF16", data: Float32Array.of(0.333984375) });
    expect(add(third, floatTensor([1], Float32Array.of(1)))).toMatchObject({
      dtype: "BF16",
      data: Float32Array.of(1.3359375),
    });
    expect(mulRows(cast(third, "F32"), third)).toMatchObject({ dtype: "F32", data: Float32Array.of(0.333984375 ** 2) });
    expect(cast(third, "BF16")).toBe(third);
  });

  test("softcap rounds the quotient and the hyperbolic tangent too, as PyTorch does", () => {
    const capped = softcap(floatTensor([2], Float32Array.of(16, 28), "BF16"), 30);
    expect(values(capped)).toEqual([14.6875, 21.875]); // rounded once, at the end: 14.625 and 22
  });

  test("without data only shapes are computed", () => {
    expect(mulRows(range(2, 3), empty(3))).toMatchObject({ shape: [2, 3], data: null });
    expect(shapeError(() => mulRows(empty(2, 3), empty(4))).expected).toEqual([3]);
  });
});

describe("select", () => {
  const mask = indexTensor([2, 2], Int32Array.of(0, 1, 1, 0));

  test("selectRows", () => expect(values(selectRows(range(2, 2, 2), mask))).toEqual([2, 3, 4, 5]));

  test("maskedScatter leaves its operand alone", () => {
    const a = range(2, 2, 1);
    expect(values(maskedScatter(a, mask, floatTensor([2, 1], Float32Array.of(8, 9))))).toEqual([0, 8, 9, 3]);
    expect(values(a)).toEqual([0, 1, 2, 3]);
    expect(shapeError(() => maskedScatter(a, mask, range(1, 1)))).toMatchObject({ expected: [2, 1], found: [1, 1] });
  });
});
