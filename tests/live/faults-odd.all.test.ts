/** Every known porting bug, planted in the TypeScript engine, half of them: two files keep two cores busy. */
import { describe, expect, it } from "vitest";
import { livePool } from "../support/live.ts";
import { find, inHalf, recorded } from "../support/plant.ts";

describe.skipIf(livePool === null)("a planted fault is located and explained as the record says:", () => {
  it.each(inHalf("odd"))("$category, $id", async (fault) => {
    expect(await find(fault)).toEqual(recorded(fault));
  });
});
