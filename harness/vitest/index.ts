/**
 * `lockstep/vitest`: matchers for vitest's `expect`, and a suite of cases. Importing it, in a test or as a setup file,
 * adds the matchers. The reporter is `lockstep/vitest/reporter`: a config file can't import what runs in tests.
 */
import { afterAll, expect } from "vitest";
import { closeEngines } from "./judge.ts";
import { matchers } from "./matchers.ts";

expect.extend(matchers);
afterAll(closeEngines);

export { closeEngines } from "./judge.ts";
export type { EngineUnderTest, GoldenOptions, ReferenceOptions } from "./judge.ts";
export { matchers } from "./matchers.ts";
export type { ParitySuiteOptions } from "./suite.ts";
export { defineParitySuite } from "./suite.ts";
