import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { skeletonFiles, writeSkeleton } from "./skeleton.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder: string;
beforeEach(() => void (folder = testFolder()));

describe("writeSkeleton", () => {
  it("writes every file whole", () => {
    const files = skeletonFiles("cmd:./my-engine --serve");
    expect(writeSkeleton(folder, files)).toEqual([...files.keys()]);
    for (const [file, content] of files) expect(readFileSync(join(folder, file))).toEqual(Buffer.from(content));
    expect(readFileSync(join(folder, "lockstep.test.ts"), "utf8")).toContain(`engine: "cmd:./my-engine --serve"`);
  });

  it("overwrites nothing, and then writes nothing at all", () => {
    writeFileSync(join(folder, "lockstep.test.ts"), "mine");
    expect(() => writeSkeleton(folder, skeletonFiles("typescript"))).toThrow(
      /found lockstep\.test\.ts .*nothing was written/,
    );
    expect(readdirSync(folder)).toEqual(["lockstep.test.ts"]);
    expect(readFileSync(join(folder, "lockstep.test.ts"), "utf8")).toBe("mine");
    expect(existsSync(join(folder, "cases"))).toBe(false);
  });
});
