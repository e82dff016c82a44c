/** Every known porting bug, planted in the TypeScript engine: each fails, is located where it is, and is explained as the record says. */
import { describe, expect, it } from "vitest";
import { livePool } from "../support/live.ts";
import { faults, find, oneOfEach, record } from "../support/plant.ts";

describe.skipIf(livePool === null)("a planted fault is located:", () => {
  it.each(faults.filter((fault) => !oneOfEach.includes(fault)))("$category, $id", async (fault) => {
    const { status, site, phase, rating } = await find(fault);
    expect({ status, site, phase, rating }).toEqual({ status: "exact", ...record.get(fault.id) });
  });
});
