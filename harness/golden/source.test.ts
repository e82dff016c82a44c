import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { writeGolden } from "./format/file.ts";
import type { Golden } from "./format/schema.ts";
import type { Case } from "../case/case.ts";
import { compareGoldens, folderSource, sourceAgainst } from "./source.ts";
import { testFolder } from "../trace/test-folder.ts";

let root: string;
let folder: string;
beforeEach(() => {
  root = testFolder();
  folder = join(root, "golden");
  mkdirSync(folder);
});

const testCase = { name: "a/b", kind: "run" } as Case;
const golden = (weights: string): Golden => ({
  ...{ golden: 2, case: "a/b", seed: 0, dtype: "float32", generator: 1, tensors: [], sites: [] },
  reference: { name: "transformers", version: "5.24.0", versions: {} },
  checksums: { config: "c", weights, inputs: "i", phases: "p" },
});
const git = (...words: string[]): Buffer =>
  execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...words], { cwd: root, stdio: "pipe" });

describe("goldens are compared with", () => {
  it("those of another folder", async () => {
    writeGolden(folder, golden("w"));
    writeGolden(join(root, "other"), golden("v"));
    const result = await compareGoldens(testCase, sourceAgainst(join(root, "other"), folder), folderSource(folder));
    expect(result).toMatchObject({ state: "compared", diff: { head: [{ place: "weights", from: "v", to: "w" }] } });
  });

  it("those of a revision, wherever the folder is in the repository", async () => {
    writeGolden(folder, golden("w"));
    git("init", "--quiet");
    git("add", ".");
    git("commit", "--quiet", "--message", "one");
    writeGolden(folder, golden("v"));
    const result = await compareGoldens(testCase, sourceAgainst("HEAD", folder), folderSource(folder));
    expect(result).toMatchObject({ state: "compared", diff: { head: [{ place: "weights", from: "w", to: "v" }] } });
    const other = { name: "a/new", kind: "run" } as Case;
    writeGolden(folder, { ...golden("n"), case: "a/new" });
    expect(await compareGoldens(other, sourceAgainst("HEAD", folder), folderSource(folder))).toEqual({
      case: "a/new",
      state: "only after",
    });
  });

  it("neither a folder nor a revision: refused; an option of git is no revision", () => {
    expect(() => sourceAgainst("nope", folder)).toThrow(
      /--against nope: expected a folder of goldens or a git revision/,
    );
    expect(() => sourceAgainst("--output=x", folder)).toThrow(/expected a folder/);
  });
});
