/**
 * Every known porting bug, planted in the TypeScript engine: each fails, is located where it is, and is explained as
 * the record says.
 */
import { describe, expect, it } from "vitest";
import { livePool } from "../support/live.ts";
import { faults, find, oneOfEach, recorded } from "../support/plant.ts";

describe.skipIf(livePool === null)("a planted fault is located:", () => {
  it.each(faults.filter((fault) => !oneOfEach.includes(fault)))("$category, $id", async (fault) => {
    expect(await find(fault)).toEqual(recorded(fault));
  });
});
