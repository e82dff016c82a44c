import { describe, expect, it } from "vitest";
import { drawPicture } from "./picture.ts";

const picture = (site: string, shape: number[], change: (value: number, index: number) => number) => {
  const oracle = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 1 + (i % 3));
  return drawPicture(site, shape, { oracle, engine: oracle.map(change), noise: 0.5 });
};

describe("a picture of a tensor", () => {
  it("is heads by tokens where there are heads", () => {
    const found = picture("m#q_rope", [1, 3, 4, 2], (value, index) =>
      Math.floor(index / 8) === 2 ? value + 1 : value,
    );
    expect(found!.rows).toEqual({ name: "head", size: 3, cells: 3 });
    expect(found!.columns).toEqual({ name: "token", size: 4, cells: 4 });
    expect(found!.error).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2]); // in units of noise
  });

  it("is tokens by channels where there are none", () => {
    const found = picture("m:out", [2, 3, 5], (value, index) => (index % 5 === 4 ? 0 : value));
    expect([found!.rows.name, found!.columns.name]).toEqual(["token", "channel"]);
    expect(found!.found.slice(0, 5).map((value) => value === 0)).toEqual([false, false, false, false, true]);
    expect(found!.expected[4]).toBeGreaterThan(0);
  });

  it("puts many rows and channels into few cells", () => {
    const found = picture("m:out", [1, 100, 999], (value) => value);
    expect([found!.rows.cells, found!.columns.cells]).toEqual([12, 24]);
    expect(found!.error.every((value) => value === 0)).toBe(true);
  });

  it("has null where a number is not one", () => {
    const found = picture("m:out", [1, 2, 2], (value, index) => (index === 3 ? Number.NaN : value));
    expect(found!.found).toEqual([1, 2, 3, null]);
  });

  it("of a single number, or of one row of few, there is none", () => {
    expect(picture("m:out", [1], (value) => value)).toBeNull();
    expect(picture("m:out", [1, 1, 3], (value) => value)).toBeNull();
  });
});
