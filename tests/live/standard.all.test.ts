/** The standard cases on weights and inputs of other seeds. */
import { describe, it } from "vitest";
import { expectGreen, runs } from "../support/green.ts";
import { livePool } from "../support/live.ts";

describe.skipIf(livePool === null).each([1, 2])("seed %i", (seed) => {
  it.each(runs)("$name", (testCase) => expectGreen(testCase, seed));
});
