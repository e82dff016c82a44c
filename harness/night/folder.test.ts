import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { closeOpen, lockFolder, nameNight, openNights, readOpen, writeOpen } from "./folder.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder = "";
beforeEach(() => void (folder = testFolder()));

describe("the lock of a folder", () => {
  it("is held by one at a time, and given back", () => {
    {
      using _lock = lockFolder(folder);
      expect(() => lockFolder(folder)).toThrow(
        `process ${process.pid} writes to ${folder}: expected one night at a time`,
      );
    }
    using _again = lockFolder(folder);
    expect(existsSync(join(folder, "lock"))).toBe(true);
  });

  it("is taken over from a process that has ended", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    writeFileSync(join(folder, "lock"), JSON.stringify({ pid: child.pid, born: "1" })); // of an earlier version
    using _lock = lockFolder(folder);
  });
});

describe("an open night", () => {
  const night = {
    night: "n",
    started: "2026-11-26T00:00:00.000Z",
    fresh: false,
    references: [{ role: "pinned", version: "5.24.0" }],
  };

  it("is there until it is closed", () => {
    writeOpen(folder, "a", night);
    expect([readOpen(folder, "a"), readOpen(folder, "b"), openNights(folder)]).toEqual([night, null, ["n"]]);
    closeOpen(folder, "a");
    expect([readOpen(folder, "a"), openNights(folder)]).toEqual([null, []]);
  });

  it("is called by its day, with a number from the second on", () => {
    const day = new Date("2026-11-26T23:59:59Z");
    expect(nameNight(day, new Set())).toBe("2026-11-26");
    expect(nameNight(day, new Set(["2026-11-26", "2026-11-26.2"]))).toBe("2026-11-26.3");
  });
});
