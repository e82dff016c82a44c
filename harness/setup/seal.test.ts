import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { testFolder } from "../trace/test-folder.ts";
import { sealFiles } from "./seal.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = join(testFolder(), "checkpoint");
  mkdirSync(folder);
  file = join(folder, "model.safetensors");
  writeFileSync(file, "weights");
  symlinkSync(file, join(folder, "link"));
});

describe("a seal of a folder", () => {
  it("holds while nothing is changed", () => {
    expect(sealFiles([folder, file]).broken()).toEqual([]);
  });

  it.each<[string, () => void]>([
    ["is written", () => writeFileSync(file, "zeroes.")],
    [
      "is written, and its times are set back",
      () => {
        const { atime, mtime } = statSync(file);
        writeFileSync(file, "zeroes.");
        utimesSync(file, atime, mtime);
      },
    ],
    ["is removed", () => rmSync(file)],
    ["is added", () => writeFileSync(join(folder, "adapter_config.json"), "{}")],
    [
      "is replaced by one with the same content",
      () => {
        writeFileSync(join(folder, "..", "other"), "weights");
        renameSync(join(folder, "..", "other"), file);
      },
    ],
  ])("is broken when a file %s", (_, change) => {
    const seal = sealFiles([folder]);
    change();
    expect(seal.broken()).toEqual([folder]);
  });

  it("is broken when the folder is gone", () => {
    const seal = sealFiles([folder]);
    rmSync(folder, { recursive: true });
    expect(seal.broken()).toEqual([folder]);
  });
});
