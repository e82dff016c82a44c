/** The verbs of `lockstep golden` on a repository of its own, without Python. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { beforeEach, describe, expect, it } from "vitest";
import { testFolder } from "../trace/test-folder.ts";

const bin = fileURLToPath(new URL("bin.mjs", import.meta.url));
const library = new URL("../index.ts", import.meta.url).href;
const example = fileURLToPath(new URL("../../examples/vitest-engine", import.meta.url));

const root = testFolder();
let folder = "";

/** The example's case and golden. */
beforeEach(() => {
  folder = mkdtempSync(join(root, "repository-"));
  mkdirSync(join(folder, "cases"));
  const source = readFileSync(join(example, "cases", "tiny_llama.case.ts"), "utf8");
  writeFileSync(join(folder, "cases", "tiny_llama.case.ts"), source.replace('from "lockstep"', `from "${library}"`));
  cpSync(join(example, "golden"), join(folder, "golden"), { recursive: true });
});

async function golden(words: readonly string[], environment: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [bin, "golden", ...words], {
    cwd: folder,
    reject: false,
    stdin: "ignore",
    extendEnv: false,
    env: {
      ...{ PATH: "/nonexistent", HOME: root, LOCKSTEP_PYTHON: "/nonexistent", NO_COLOR: "1" },
      ...{ LOCKSTEP_CACHE: join(root, "cache"), NODE_COMPILE_CACHE: join(root, "compiled") },
      ...environment,
    },
  });
  return { code: exitCode, stdout, stderr: stderr.replaceAll(folder, "REPOSITORY") };
}

const at = (...path: string[]): string => join(folder, "golden", ...path);
const addObsolete = (): void => cpSync(at("tiny_llama", "text.golden"), at("tiny_llama", "gone.golden"));

describe("golden check", () => {
  it("is green where nothing is wrong, in CI as elsewhere", async () => {
    const { code, stderr } = await golden(["check"], { CI: "true" });
    expect(stderr).toMatch(/ok {3}1 pass {3}48\/48 sites/);
    expect(code).toBe(0);
  });

  it("points out an obsolete golden, and fails for it in CI only", async () => {
    addObsolete();
    const outcomes = await Promise.all([{}, { CI: "1" }, { CI: "false" }].map((one) => golden(["check"], one)));
    for (const { stderr } of outcomes)
      expect(stderr).toContain(
        "obsolete REPOSITORY/golden/tiny_llama/gone.golden: no case has it; remove it with: lockstep golden prune",
      );
    expect(outcomes.map(({ code }) => code)).toEqual([0, 1, 0]);
    expect((await golden(["check", "tiny_llama/text"], { CI: "1" })).code).toBe(0); // only what is named
  });

  it("fails where a golden is missing, and says what records it", async () => {
    rmSync(at(), { recursive: true });
    const { code, stderr } = await golden(["check"], { CI: "true" });
    expect(stderr).toMatch(/no golden for tiny_llama\/text; record it, .*lockstep golden update tiny_llama\/text/);
    expect(code).toBe(2);
  });

  it("refuses a stale golden and says what differs", async () => {
    const file = join(folder, "cases", "tiny_llama.case.ts");
    writeFileSync(file, readFileSync(file, "utf8").replace("rms_norm_eps: 1e-3", "rms_norm_eps: 1e-4"));
    const { code, stderr } = await golden(["check"]);
    expect(stderr).toMatch(
      /the golden of tiny_llama\/text is stale: its config is \w{12}, the case has \w{12}; record it/,
    );
    expect(code).toBe(2);
  });

  it("-u needs no Python where all is as it should be, and asks for it where it is not", async () => {
    expect(await golden(["check", "-u"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("ok   0 recorded"),
    });
    rmSync(at(), { recursive: true });
    expect((await golden(["check", "-u"])).code).toBe(3);
  });
});

describe("golden prune", () => {
  it("removes what no case has, but not with --dry-run", async () => {
    addObsolete();
    writeFileSync(at("tiny_llama", "text.json"), "{}");
    expect(await golden(["prune", "--dry-run"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("2 obsolete"),
    });
    expect(readdirSync(at("tiny_llama"))).toHaveLength(3);
    const { stderr } = await golden(["prune"]);
    expect(stderr).toContain("removed REPOSITORY/golden/tiny_llama/gone.golden");
    expect(readdirSync(at("tiny_llama"))).toEqual(["text.golden"]);
  });
});

describe("golden diff", () => {
  it("says what changed since another folder, as text and as JSON, without Python", async () => {
    cpSync(at(), join(folder, "old"), { recursive: true });
    expect(await golden(["diff", "--against", "old"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("ok   0 changed, 1 the same"),
    });
    rmSync(join(folder, "old", "tiny_llama"), { recursive: true });
    const { code, stdout, stderr } = await golden(["diff", "--against", "old", "--json"]);
    expect(stderr).toContain(" added    tiny_llama/text");
    expect(JSON.parse(stdout)).toEqual([{ case: "tiny_llama/text", state: "only after" }]);
    expect(code).toBe(1);
  });

  it("refuses what is neither a folder nor a revision", async () => {
    const { code, stderr } = await golden(["diff", "--against", "nowhere"]);
    expect(stderr).toMatch(/--against nowhere: expected a folder of goldens or a git revision/);
    expect(code).toBe(2);
    expect(existsSync(at("tiny_llama", "text.golden"))).toBe(true);
  });
});
