import { describe, expect, it } from "vitest";
import { int64Tensor } from "../trace/tensor.ts";
import { defineCase } from "../case/case.ts";
import { jobTitle, mergeRoles, planJobs, scopeOf } from "./plan.ts";

const base = {
  title: "t",
  config: {},
  inputs: () => new Map([["input_ids", int64Tensor([1], [1, 1])]]),
  phases: [{ name: "full", start: 0, end: 1, cache: false }],
};
const plain = defineCase({ ...base, name: "a/plain" });
const planted = defineCase({ ...base, name: "a/planted", fault: { module: "/m.ts", name: "f" } });
const shapes = defineCase({ ...base, name: "a/shapes", kind: "shapes", engine: "other" });
const asked = { cases: [], engines: [], dtypes: ["float32", "bfloat16"], references: ["pinned"], seed: 0, limit: 4 };
const pinned = { version: "5.24.0", roles: ["pinned"] };

describe("the jobs of a night", () => {
  it("are each case with its own engine in each dtype; of shapes there is one", () => {
    expect(planJobs([plain, shapes], asked, [pinned]).map(jobTitle)).toEqual([
      "a/plain  typescript  float32  transformers 5.24.0",
      "a/plain  typescript  bfloat16  transformers 5.24.0",
      "a/shapes  other  shapes  transformers 5.24.0",
    ]);
  });

  it("are for every engine that is asked for, but a planted fault is its own engine's", () => {
    const jobs = planJobs([plain, planted], { ...asked, engines: ["typescript", "x"], dtypes: ["float32"] }, [pinned]);
    expect(jobs.map(({ testCase, engine }) => `${testCase.name} ${engine}`)).toEqual([
      "a/plain typescript",
      "a/plain x",
      "a/planted typescript",
    ]);
  });

  it("lie together for each reference", () => {
    const jobs = planJobs([plain], asked, [pinned, { version: "5.23.0", roles: ["previous"] }]);
    expect(jobs.map(({ reference }) => reference.version)).toEqual(["5.24.0", "5.24.0", "5.23.0", "5.23.0"]);
  });
});

it("roles of one version are one reference; those that nobody could resolve stay apart", () => {
  const resolved = [
    ["pinned", "5.24.0"],
    ["newest", "5.24.0"],
    ["previous", "?"],
    ["5.20.0", "?"],
  ].map(([role, version]) => ({ role: role!, version: version! }));
  expect(mergeRoles(resolved)).toEqual([
    { version: "5.24.0", roles: ["pinned", "newest"] },
    { version: "?", roles: ["previous"] },
    { version: "?", roles: ["5.20.0"] },
  ]);
});

it("a scope is what was asked for", () => {
  expect(scopeOf({ ...asked })).toBe(scopeOf(asked));
  expect(scopeOf({ ...asked, dtypes: ["float32"] })).not.toBe(scopeOf(asked));
});
