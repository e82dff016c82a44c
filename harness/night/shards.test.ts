import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dealOut, parseShard } from "./shards.ts";

const load = (share: readonly number[]): number => share.reduce((sum, value) => sum + value, 0);

describe("shares", () => {
  it("hold every item once, in order, wherever they are dealt", () => {
    const someSeconds = fc.array(fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }));
    fc.assert(
      fc.property(someSeconds, fc.integer({ min: 1, max: 7 }), (seconds, count) => {
        const items = seconds.map((_, place) => place);
        const shares = dealOut(items, count, (item) => seconds[item]!);
        expect(shares).toHaveLength(count);
        expect(shares.flat().toSorted((a, b) => a - b)).toEqual(items);
        for (const share of shares) expect(share).toEqual(share.toSorted((a, b) => a - b));
        expect(dealOut(items, count, (item) => seconds[item]!)).toEqual(shares);
      }),
    );
  });

  it("differ by at most the longest item", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 5 }),
        (items, count) => {
          const loads = dealOut(items, count, (item) => item).map(load);
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(Math.max(...items));
        },
      ),
    );
  });

  it("begin with the longest", () => {
    expect(dealOut([1, 1, 1, 1, 4], 2, (item) => item)).toEqual([[4], [1, 1, 1, 1]]);
  });

  it("are equal where nothing is recorded", () => {
    expect(dealOut(["a", "b", "c", "d", "e"], 2, () => null)).toEqual([
      ["a", "c", "e"],
      ["b", "d"],
    ]);
  });

  it("count an item without a record as the usual one", () => {
    expect(dealOut([9, 3, 3, 0, 0], 2, (item) => item || null)).toEqual([
      [9, 0],
      [3, 3, 0],
    ]);
  });
});

describe("--shard", () => {
  it("reads 2/3", () => expect(parseShard("2/3")).toEqual({ index: 2, count: 3 }));
  it.each(["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/2/3"])("refuses %s", (text) => {
    expect(() => parseShard(text)).toThrow(`--shard: expected <i>/<n> with i from 1 to n, such as 2/3, found ${text}`);
  });
});
