/** The real command with bad input, on a machine without Python. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "../trace/test-folder.ts";

const bin = fileURLToPath(new URL("bin.mjs", import.meta.url));

let folder = "";
let help: Outcome;
beforeAll(async () => {
  folder = testFolder();
  writeFileSync(join(folder, "broken.json"), '{"model_type": ');
  writeFileSync(join(folder, "list.json"), "[]");
  help = await lockstep(["--help"]); // fills the cache of compiled modules: the next starts take half the time
});

interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

async function lockstep(
  args: readonly string[],
  environment: Record<string, string> = { NO_COLOR: "1" },
): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [bin, ...args], {
    cwd: folder,
    reject: false,
    stdin: "ignore",
    extendEnv: false,
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      LOCKSTEP_PYTHON: "/nonexistent",
      LOCKSTEP_CACHE: join(folder, "cache"),
      NODE_COMPILE_CACHE: join(folder, "compiled"),
      ...environment,
    },
  });
  return { code: exitCode, stdout, stderr };
}

describe.concurrent("wrong usage ends with exit code 2 and says what was expected", () => {
  it.each<[string, string[], RegExp]>([
    ["an unknown case", ["run", "nope"], /^lockstep: no case matches "nope"; there are .*gemma4_unified\/text, /],
    [
      "a verdict that does not exist",
      ["repro", "nope.json"],
      /^lockstep: nope\.json: expected what lockstep run --json/,
    ],
    [
      "a file that is no verdict",
      ["repro", "list.json"],
      /^lockstep: list\.json is not a verdict: expected what .*run --json/,
    ],
    [
      "a case file that does not exist",
      ["run", "x.case.ts"],
      /^lockstep: x\.case\.ts: no such file; expected a case file/,
    ],
    [
      "a verdict to minimise that does not exist",
      ["minimise", "nope.json"],
      /^lockstep: nope\.json: expected what lockstep run --json/,
    ],
    [
      "no verdict to minimise, in American",
      ["minimize", "list.json"],
      /^lockstep: list\.json is not a verdict: expected what .*run --json/,
    ],
    [
      "an unknown engine",
      ["run", "--engine", "nope"],
      /^lockstep: unknown engine "nope": expected one of .*typescript/,
    ],
    [
      "an unknown engine for shapes",
      ["shapes", "--engine", "nope", "seed"],
      /^lockstep: unknown engine "nope": expected one of /,
    ],
    ["an unknown fault", ["selftest", "nope"], /^lockstep: no fault "nope": expected a fault's id, or a category of /],
    ["an unknown option", ["run", "--tolerance", "1"], /^error: unknown option '--tolerance'/],
    ["an unknown command", ["compare"], /^error: unknown command 'compare'/],
    ["a limit that is no number", ["run", "--limit", "abc"], /^lockstep: expected a number above 0, found "abc"$/],
    [
      "a config that is not JSON",
      ["shapes", "broken.json"],
      /^lockstep: broken.json: expected JSON, found "\{\\"model_type\\": " \(.+\)$/,
    ],
    ["a config that is no object", ["shapes", "list.json"], /^lockstep: list.json: expected a JSON object$/],
    [
      "a config that is not there",
      ["shapes", "missing.json"],
      /^lockstep: missing.json: no such file; expected a config.json or a case name$/,
    ],
  ])("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await lockstep(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m); // no stack
  });
});

describe.concurrent("without Python", () => {
  it.each([[["run", "gemma4_unified/text"]], [["shapes", "seed"]], [["selftest", "attention-scale"]]])(
    "%j ends with exit code 3 and says what to install",
    async (args) => {
      const { code, stdout, stderr } = await lockstep(args);
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(stderr).toBe(
        "lockstep: no Python 3.11 or newer with the venv module was found; install one, or name it in LOCKSTEP_PYTHON",
      );
    },
  );

  it("doctor names it as missing and ends with exit code 3", async () => {
    const { code, stderr } = await lockstep(["doctor"]);
    expect(code).toBe(3);
    expect(stderr).toContain("missing python         no Python 3.11 or newer with venv");
    expect(stderr).toContain("not ok   1 missing; mend with: install Python 3.11 or newer, then lockstep doctor --fix");
  });

  it("goldens are checked all the same: JSON alone on stdout, people's lines on stderr", async () => {
    const { code, stdout, stderr } = await lockstep(["golden", "check", "gemma4_unified/text", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ case: "gemma4_unified/text", mode: "golden", status: "pass" }]);
    expect(stderr).toMatch(/^ PASS {2}gemma4_unified\/text .*\nok {3}1 pass {3}\d+\/\d+ sites/);
  });
});

describe.concurrent("an engine that can't be started", () => {
  const args = ["golden", "check", "gemma4_unified/text", "--json", "--engine", "cmd:/no/such/engine"];
  const escape = String.fromCharCode(27);

  it("ends with exit code 4 and a verdict of status error; NO_COLOR is obeyed", async () => {
    const { code, stdout, stderr } = await lockstep(args, { NO_COLOR: "1" });
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject([{ status: "error", met: false, sites: [] }]);
    expect(stderr).toContain("/no/such/engine: no such command");
    expect(stderr).not.toContain(escape);
  });

  it("is coloured with FORCE_COLOR, but never in the JSON", async () => {
    const { stdout, stderr } = await lockstep(args, { FORCE_COLOR: "1" });
    expect([stderr.includes(`${escape}[35m ERROR`), stdout.includes(escape)]).toEqual([true, false]);
  });
});

it("help goes to stdout with exit code 0", () => {
  expect(help.code).toBe(0);
  expect(help.stdout).toMatch(/^Usage: lockstep /);
});
