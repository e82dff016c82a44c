import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TestModule } from "vitest/node";
import type { Verdict } from "../verdict/schema.ts";
import { explainedVerdict } from "../report/html/test-explanations.ts";
import { liveVerdict } from "../report/html/test-verdicts.ts";
import { lockstepReporter, verdictsOf } from "./reporter.ts";
import { testFolder } from "../trace/test-folder.ts";

/** A module with one test for each list of verdicts; undefined for a test without any. */
function moduleOf(...tests: readonly (readonly Verdict[] | undefined)[]): TestModule {
  const made = tests.map((lockstep) => ({ meta: () => (lockstep ? { lockstep: [...lockstep] } : {}) }));
  return { children: { allTests: () => made.values() } } as unknown as TestModule;
}

let folder: string;
let printed: string;

beforeEach(() => {
  folder = testFolder();
  printed = "";
  vi.stubEnv("GITHUB_ACTIONS", "");
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe("lockstepReporter", () => {
  it("collects the verdicts of all tests of all modules in order", () => {
    const [a, b, c] = [liveVerdict({ name: "a/a" }), liveVerdict({ name: "b/b" }), explainedVerdict()];
    expect(verdictsOf([moduleOf([a], undefined), moduleOf([b, c])])).toEqual([a, b, c]);
  });

  it("writes one report of all and says what it says", async () => {
    const markdown = join(folder, "summary.md");
    const modules = [moduleOf([liveVerdict()]), moduleOf([explainedVerdict()])];
    await lockstepReporter({ markdown }).onTestRunEnd!(modules, [], "failed");
    expect(readFileSync(markdown, "utf8")).toMatch(/^### lockstep: 1 pass, 1 fail/);
    expect(printed).toMatch(/not ok {3}1 pass, 1 fail {3}2604\/2604 sites/);
  });

  it("writes nothing where no test compared anything", async () => {
    const html = join(folder, "index.html");
    await lockstepReporter({ html }).onTestRunEnd!([moduleOf(undefined)], [], "passed");
    expect(existsSync(html)).toBe(false);
    expect(printed).toBe("");
  });
});
