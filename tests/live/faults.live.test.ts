/**
 * Known porting bugs, planted in the TypeScript engine, one of each category: each fails, is located where it is, and
 * is explained as the record says.
 */
import { describe, expect, it } from "vitest";
import { livePool } from "../support/live.ts";
import { faults, find, oneOfEach, record, recorded } from "../support/plant.ts";

it("there are at least 60 faults of 15 categories", () => {
  expect(faults.length).toBeGreaterThanOrEqual(60);
  expect(oneOfEach.length).toBeGreaterThanOrEqual(15);
});

it("the record has a line for each, at the site where it is", () => {
  const wanted = faults.map(({ id, at }) => [id, at]);
  expect(Object.fromEntries([...record].map(([id, { site }]) => [id, site]))).toEqual(Object.fromEntries(wanted));
});

describe.skipIf(livePool === null)("a planted fault is located:", () => {
  it.each(oneOfEach)("$category, $id", async (fault) => {
    expect(await find(fault)).toEqual(recorded(fault));
  });
});
