import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PythonUnavailable, ensureEnvironment, findPython, locateEnvironment } from "./python.ts";
import { testFolder } from "../trace/test-folder.ts";

const folder = testFolder();
beforeEach(() => {
  vi.stubEnv("LOCKSTEP_CACHE", join(folder, "cache"));
  vi.stubEnv("LOCKSTEP_REFERENCE_PYTHON", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** An interpreter that says it has this version; it can't do anything else. */
function fakePython(version: string): string {
  const file = join(folder, `python-${version}`);
  writeFileSync(
    file,
    `#!/bin/sh\nif [ "$1" = -c ]; then echo ${version}; else echo "no module named $2" >&2; exit 1; fi\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

function requirements(text: string): string {
  const file = join(folder, "requirements.txt");
  writeFileSync(file, text);
  return file;
}

describe("findPython", () => {
  it.each(["3.11.0", "3.14.2", "4.0.0"])("takes %s", async (version) => {
    const command = fakePython(version);
    vi.stubEnv("LOCKSTEP_PYTHON", command);
    expect(await findPython()).toEqual({ command, version });
  });

  it.each(["3.10.17", "2.7.18", "nonsense"])("does not take %s", async (version) => {
    vi.stubEnv("LOCKSTEP_PYTHON", fakePython(version));
    expect(await findPython()).toBeNull();
  });

  it("does not look further when LOCKSTEP_PYTHON names one that is not there", async () => {
    vi.stubEnv("LOCKSTEP_PYTHON", "/nonexistent");
    expect(await findPython()).toBeNull();
  });
});

describe("locateEnvironment", () => {
  it("says what to do when there is no Python", async () => {
    vi.stubEnv("LOCKSTEP_PYTHON", "/nonexistent");
    const error = await locateEnvironment([]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PythonUnavailable);
    expect((error as Error).message).toMatchInlineSnapshot(
      `"no Python 3.11 or newer with the venv module was found; install one, or name it in LOCKSTEP_PYTHON"`,
    );
  });

  it("uses LOCKSTEP_REFERENCE_PYTHON as it is", async () => {
    vi.stubEnv("LOCKSTEP_REFERENCE_PYTHON", "/opt/python");
    expect(await locateEnvironment([requirements("torch")])).toMatchObject({ python: "/opt/python", ready: true });
  });

  it("has a folder of its own for each content of the requirements and each Python", async () => {
    const locate = async (version: string, text: string) => {
      vi.stubEnv("LOCKSTEP_PYTHON", fakePython(version));
      return (await locateEnvironment([requirements(text)])).folder;
    };
    const folders = [await locate("3.11.1", "a==1"), await locate("3.11.1", "a==2"), await locate("3.11.2", "a==1")];
    expect(new Set([...folders, await locate("3.11.1", "a==1")]).size).toBe(3);
  });

  it("is ready only when its making was completed", async () => {
    vi.stubEnv("LOCKSTEP_PYTHON", fakePython("3.11.1"));
    const file = requirements("complete==1");
    const { folder: own, ready } = await locateEnvironment([file]);
    mkdirSync(own, { recursive: true });
    const half = await locateEnvironment([file]);
    writeFileSync(join(own, "complete"), "");
    expect([ready, half.ready, (await locateEnvironment([file])).ready]).toEqual([false, false, true]);
  });
});

describe("ensureEnvironment", () => {
  it("says which step failed and how", async () => {
    vi.stubEnv("LOCKSTEP_PYTHON", fakePython("3.11.1"));
    const lines: string[] = [];
    const error = await ensureEnvironment([requirements("x")], (line) => lines.push(line)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PythonUnavailable);
    const message = (error as Error).message.replace(/[\da-f]{16}/, "HASH");
    expect(message.replaceAll(folder, "FOLDER")).toMatchInlineSnapshot(`
      "FOLDER/python-3.11.1 -m venv FOLDER/cache/python/HASH failed:
      no module named venv"
    `);
    expect(lines).toEqual(["setup  Python 3.11.1: making the reference's environment once (1 to 3 minutes)"]);
  });

  it("does nothing when it is there", async () => {
    vi.stubEnv("LOCKSTEP_REFERENCE_PYTHON", "/opt/python");
    const lines: string[] = [];
    expect((await ensureEnvironment([], (line) => lines.push(line))).ready).toBe(true);
    expect(lines).toEqual([]);
  });
});
