import { describe, expect, it } from "vitest";
import { largestRatio } from "./numbers.ts";
import { distance } from "./test-sites.ts";

describe("largestRatio", () => {
  const lane = (ratio: number) => ({ index: 0, ratio });

  it.each([
    ["tensor", distance(9, { worst_row: lane(3), worst_column: lane(2) })],
    ["row", distance(2, { worst_row: lane(9) })],
    ["column", distance(2, { worst_row: lane(3), worst_column: lane(9) })],
  ])("counts the %s", (_, one) => {
    expect(largestRatio(one)).toBe(9);
  });

  it("is 0 where there is no distance", () => {
    expect(largestRatio(null)).toBe(0);
  });
});
