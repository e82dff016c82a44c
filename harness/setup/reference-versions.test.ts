import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareVersions, isVersion, pinnedVersion, resolveVersion } from "./reference-versions.ts";
import { testFolder } from "../trace/test-folder.ts";

const releases = ["5.25.0", "5.24.0", "5.9.2", "5.23.1", "5.26.0rc1"];
const resolved = (role: string, available: readonly string[] = releases) =>
  resolveVersion(role, { pinned: "5.24.0", available: () => Promise.resolve(available) });

describe("a version of the reference", () => {
  it.each([
    ["pinned", "5.24.0"],
    ["newest", "5.25.0"],
    ["previous", "5.23.1"],
    ["5.1.0", "5.1.0"],
  ])("asked for as %s is %s", async (role, version) => {
    expect(await resolved(role)).toBe(version);
  });

  it("that is pinned or a number needs no registry", async () => {
    const available = () => Promise.reject(new Error("offline"));
    expect(await resolveVersion("pinned", { pinned: "1.2", available })).toBe("1.2");
    expect(await resolveVersion("5.1.0", { pinned: "1.2", available })).toBe("5.1.0");
  });

  it("that is neither is refused", async () => {
    await expect(resolved("latest")).rejects.toThrow(
      "expected pinned, newest, previous or a version such as 5.23.0, found latest",
    );
  });

  it("before the first one is not there", async () => {
    await expect(resolved("previous", ["5.24.0"])).rejects.toThrow(
      "pip offers no previous version of transformers beside 5.24.0",
    );
  });
});

it.each(["5.24.0", "5.0.0rc1", "5.1.0.dev0"])("%s is a version", (text) => {
  expect(isVersion(text)).toBe(true);
});

it.each(["", "5 @ https://x.example", "../5", "5.0; x", "-r x", "5.0\n", "latest"])("%j is none", (text) => {
  expect(isVersion(text)).toBe(false);
});

it("versions are compared by number", () => {
  expect(["5.9.2", "5.24.0", "5.24", "6.0.0"].toSorted(compareVersions)).toEqual(["5.9.2", "5.24.0", "5.24", "6.0.0"]);
});

it("the pinned version is read from the requirements", () => {
  const folder = testFolder();
  const file = join(folder, "r.txt");
  writeFileSync(file, "tqdm==1.0\ntransformers==5.24.0 \\\n    --hash=sha256:x\n");
  expect(pinnedVersion([file])).toBe("5.24.0");
  writeFileSync(file, "tqdm==1.0\n");
  expect(() => pinnedVersion([file])).toThrow(/pins transformers==<version>/);
});
