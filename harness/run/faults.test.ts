import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Status, Verdict } from "../compare/verdict.ts";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "./case.ts";
import { loadFaults, locate, plant, selectFaults } from "./faults.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lockstep-test-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function faults(files: Record<string, string>): string {
  const own = mkdtempSync(join(folder, "cases-"));
  mkdirSync(join(own, "faults"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(own, "faults", name), text);
  return own;
}

const fact = (id: string) => `{ id: "${id}", title: "t", category: "c", case: "a/b", at: "x:out" }`;

describe("loadFaults", () => {
  it("loads every export with an id, and no tests", async () => {
    const own = faults({
      "a.js": `export const first = ${fact("one")}; export const helper = () => 1; export const list = [];`,
      "b.js": `export const second = ${fact("two")};`,
      "b.test.js": "throw new Error('a test');",
    });
    const loaded = await loadFaults(own);
    expect(loaded.map(({ id, spec }) => [id, spec.name])).toEqual([
      ["one", "first"],
      ["two", "second"],
    ]);
    expect(loaded[0]?.spec.module).toBe(join(own, "faults", "a.js"));
  });

  it("names a fault that is not complete", async () => {
    const own = faults({ "a.js": 'export const bad = { id: "one", title: 5 };' });
    await expect(loadFaults(own)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[UsageError: faults/a.js, bad: title: Invalid input: expected string, received number; category: Invalid input: expected string, received undefined; case: Invalid input: expected string, received undefined; at: Invalid input: expected string, received undefined]`,
    );
  });

  it("names a fault that is there twice", async () => {
    const own = faults({ "a.js": `export const a = ${fact("one")}; export const b = ${fact("one")};` });
    await expect(loadFaults(own)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[UsageError: faults/a.js, b: fault one is defined twice]`,
    );
  });
});

const fault = { id: "one", title: "t", category: "c", case: "a/b", at: "x:out", spec: { module: "m", name: "n" } };

describe("selectFaults", () => {
  const all = [fault, { ...fault, id: "two" }, { ...fault, id: "three", category: "d" }];
  const select = (...names: string[]) => selectFaults(all, names).map(({ id }) => id);

  it("takes ids and categories, each fault once", () => {
    expect(select("c", "one", "three")).toEqual(["one", "two", "three"]);
  });

  it("takes all when there are no names", () => {
    expect(select()).toHaveLength(3);
  });

  it("refuses a name that is neither: nothing planted would be nothing missed", () => {
    expect(() => select("one", "scale")).toThrow(
      new UsageError('no fault "scale": expected a fault\'s id, or a category of c, d'),
    );
  });
});

describe("plant", () => {
  it("puts the fault into its case", () => {
    const found = { name: "a/b", title: "a case" } as Case;
    expect(plant(fault, [{ name: "a/c" } as Case, found])).toEqual({ ...found, fault: fault.spec, faultId: fault.id });
  });

  it("refuses a fault whose case is not there", () => {
    expect(() => plant(fault, [])).toThrow(new UsageError("fault one: there is no case a/b"));
  });
});

describe("locate", () => {
  const at = "model.layers.2.self_attn#scores";
  const verdict = (status: Status, site?: string, phase = "prefill") =>
    ({ status, culprit: site === undefined ? null : { site, phase } }) as Verdict;

  it.each<[string, string, Verdict]>([
    ["exact", "its own site", verdict("fail", at)],
    ["exact", "its own site, where the engine stopped", verdict("error", at)],
    ["parent", "another site of its module", verdict("fail", "model.layers.2.self_attn#probs")],
    ["parent", "a module that contains it", verdict("fail", "model.layers.2:out")],
    ["parent", "a module in its own", verdict("fail", "model.layers.2.self_attn.o_proj:in")],
    ["wrong", "another layer whose number begins alike", verdict("fail", "model.layers.22.self_attn#scores")],
    ["wrong", "another module", verdict("fail", "model.layers.2.mlp:out")],
    ["wrong", "a failure without a culprit", verdict("fail")],
    ["undetected", "a pass", verdict("pass")],
    ["undetected", "an unknown", verdict("unknown")],
    ["undetected", "a crash", verdict("error")],
  ])("%s: %s", (located, _, found) => {
    expect(locate({ at }, found)).toBe(located);
  });

  it("is not exact in another phase than the fault's", () => {
    const found = verdict("fail", at, "decode:1");
    expect([locate({ at, phase: "decode:1" }, found), locate({ at, phase: "prefill" }, found)]).toEqual([
      "exact",
      "parent",
    ]);
  });
});
