import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { listGoldens, obsoleteGoldens, removeGoldens } from "./files.ts";
import { testFolder } from "../../trace/test-folder.ts";

let folder: string;
beforeEach(() => {
  folder = testFolder();
  for (const file of [
    "a/text.golden",
    "b/only.golden",
    "power/a/text.json",
    "power/c/gone.json",
    "shapes/0123456789abcdef.golden",
    "shapes/fedcba9876543210.golden",
    "a/text.json",
    "README.md",
    "a/text.golden.tmp",
  ]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
});

const kept = () => ({
  files: new Set(["a/text.golden", "shapes/0123456789abcdef.golden"].map((file) => join(folder, file))),
  named: new Set(["a/text"]),
});

describe("the files of a folder of goldens", () => {
  it("are known by their names, and what else lies there is none", () => {
    expect(listGoldens(folder).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "case a/text",
      "old a/text",
      "case b/only",
      "power a/text",
      "power c/gone",
      "shapes 0123456789abcdef",
      "shapes fedcba9876543210",
    ]);
  });

  it("are obsolete when no case has them, or nothing reads them any more", () => {
    expect(obsoleteGoldens(folder, kept()).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "old a/text",
      "case b/only",
      "power c/gone",
      "shapes fedcba9876543210",
    ]);
  });

  it("are removed with the folders that are empty then, and nothing else", () => {
    removeGoldens(folder, obsoleteGoldens(folder, kept()));
    expect(obsoleteGoldens(folder, kept())).toEqual([]);
    const left = ["a/text.golden", "a/text.golden.tmp", "power/a/text.json", "README.md", "b", "power/c"];
    expect(left.map((path) => existsSync(join(folder, path)))).toEqual([true, true, true, true, false, false]);
    removeGoldens(folder, listGoldens(folder));
    expect(existsSync(folder)).toBe(true);
  });
});
