import { describe, expect, it } from "vitest";
import { compareNights, findRegressions, median } from "./changes.ts";
import { testResult } from "./test-lines.ts";

const site = "model.norm:out";
const withRatio = (ratio: number, night = "n") => testResult({ night, sites: ratio > 1 ? { [site]: ratio } : {} });

/** Regressions of one result against nights with these ratios at its site. */
function flagged(now: number, before: readonly number[]) {
  return findRegressions([withRatio(now)], () => before.map((ratio) => withRatio(ratio)));
}

describe("a regression below the limit", () => {
  it("is twice the median of the nights before", () => {
    expect(flagged(3, [1.2, 1.5, 1.4])).toEqual([{ result: withRatio(3), site, now: 3, before: 1.4, nights: 3 }]);
    expect(flagged(2.79, [1.2, 1.5, 1.4])).toEqual([]);
    expect(flagged(2.8, [1.2, 1.5, 1.4])).toHaveLength(1);
  });

  it("is none below the floor, however quiet the nights before were", () => {
    expect(flagged(1.99, [0.1, 0.1, 0.1])).toEqual([]);
    expect(flagged(2, [0.1, 0.1, 0.1])).toHaveLength(1);
  });

  it("does not follow from one night that was noisy, nor is it hidden by one", () => {
    expect(flagged(3, [1, 1, 3.5, 1, 1])).toHaveLength(1);
    expect(flagged(3, [3, 3, 1, 3, 3])).toEqual([]);
  });

  it("is against ten nights at most, the latest", () => {
    expect(flagged(3, [...new Array<number>(10).fill(1), ...new Array<number>(30).fill(3)])).toHaveLength(1);
  });

  it("is none where nothing is known, and none of a result that does not pass", () => {
    expect(flagged(3, [])).toEqual([]);
    const failing = testResult({ status: "fail", met: false, sites: { [site]: 9 } });
    expect(findRegressions([failing], () => [withRatio(1)])).toEqual([]);
  });
});

describe("a night against an earlier one", () => {
  it("has nothing to say where nothing changed", () => {
    const nothing = { versions: [], turned: [], moved: [], appeared: [], gone: [] };
    expect(compareNights([withRatio(1.3)], [withRatio(1.4)])).toEqual(nothing);
  });

  it("names the sites whose ratio doubled or halved, above the floor", () => {
    const [now, before] = [
      { a: 2.4, b: 1.9, c: 1.1 },
      { a: 1.2, c: 2.2 },
    ].map((sites) => testResult({ sites }));
    expect(compareNights([now!], [before!]).moved.map((moved) => [moved.site, moved.before, moved.now])).toEqual([
      ["a", 1.2, 2.4],
      ["c", 2.2, 1.1],
    ]);
  });

  it("names results that turned, new ones and those that are gone", () => {
    const [a, b, c] = ["a/a", "b/b", "c/c"].map((name) => testResult({ case: name }));
    const red = { ...a!, status: "fail" as const, met: false };
    const changes = compareNights([red, b!], [a!, c!]);
    expect(changes.turned).toEqual([{ now: red, before: a }]);
    expect([changes.appeared, changes.gone]).toEqual([[b], [c]]);
  });

  it("follows a role when the version behind it changes, and says so", () => {
    const both = testResult({ reference: { version: "5.24.0", roles: ["pinned", "newest"] } });
    const newest = testResult({
      reference: { version: "5.25.0", roles: ["newest"] },
      versions: { ...both.versions, reference: { transformers: "5.25.0" } },
    });
    const pinned = testResult({ reference: { version: "5.24.0", roles: ["pinned"] } });
    const changes = compareNights([pinned, newest], [both]);
    expect([changes.appeared, changes.gone]).toEqual([[], []]);
    expect(changes.versions).toEqual([{ name: "newest reference: transformers", from: "5.24.0", to: "5.25.0" }]);
  });
});

it("the median of an even count is the mean of the two in the middle", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN]);
});
