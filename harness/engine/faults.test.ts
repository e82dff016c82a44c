import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../trace/errors.ts";
import { loadFaults, selectFaults } from "./faults.ts";
import { testFolder } from "../trace/test-folder.ts";

const folder = testFolder();

function faults(files: Record<string, string>): string {
  const own = mkdtempSync(join(folder, "faults-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(own, name), text);
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
    const loaded = await loadFaults([own]);
    expect(loaded.map(({ id, spec }) => [id, spec.name])).toEqual([
      ["one", "first"],
      ["two", "second"],
    ]);
    expect(loaded[0]?.spec.module).toBe(join(own, "a.js"));
  });

  it("names a fault that is not complete", async () => {
    const own = faults({ "a.js": 'export const bad = { id: "one", title: 5 };' });
    await expect(loadFaults([own])).rejects.toThrowError(
      `a.js, bad: title: Invalid input: expected string, received number; category: Invalid input: expected string, received undefined; case: Invalid input: expected string, received undefined; at: Invalid input: expected string, received undefined`,
    );
  });

  it("names a fault that is there twice", async () => {
    const own = faults({ "a.js": `export const a = ${fact("one")}; export const b = ${fact("one")};` });
    await expect(loadFaults([own])).rejects.toThrowError(`a.js, b: fault one is defined twice`);
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
