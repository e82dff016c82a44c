import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cacheDirectory, cacheFolder } from "./cache.ts";
import { testFolder } from "../trace/test-folder.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the cache directory", () => {
  it.each([
    ["LOCKSTEP_CACHE before all", { LOCKSTEP_CACHE: "/own", XDG_CACHE_HOME: "/xdg" }, "/own"],
    ["XDG_CACHE_HOME next", { LOCKSTEP_CACHE: "", XDG_CACHE_HOME: "/xdg" }, join("/xdg", "lockstep")],
    ["the home directory last", { LOCKSTEP_CACHE: "", XDG_CACHE_HOME: "" }, join(homedir(), ".cache", "lockstep")],
  ])("is taken from %s", (_, environment, directory) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    expect(cacheDirectory()).toBe(directory);
  });

  it("makes the folders that are asked for", () => {
    const own = testFolder();
    vi.stubEnv("LOCKSTEP_CACHE", own);
    const folder = cacheFolder("a", "b");
    expect([folder, existsSync(folder)]).toEqual([join(own, "a", "b"), true]);
  });
});
