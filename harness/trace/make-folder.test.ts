import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeFolder } from "./make-folder.ts";
import { testFolder } from "./test-folder.ts";

it("makes a folder with those above it, and again", () => {
  const folder = join(testFolder(), "a", "b", "c");
  makeFolder(folder);
  makeFolder(folder);
  expect(statSync(folder).isDirectory()).toBe(true);
});

it.skipIf(!existsSync("/proc"))("ends where nothing can be made", () => {
  expect(() => makeFolder("/proc/none/cache")).toThrow("ENOENT");
});

it("says that a file is in its place", () => {
  const file = join(testFolder(), "file");
  writeFileSync(file, "");
  expect(() => makeFolder(file)).toThrow("EEXIST");
  expect(() => makeFolder(join(file, "a"))).toThrow("ENOTDIR");
});
