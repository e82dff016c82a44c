/** The real command with bad input, on a machine without Python. */
import { mkdirSync, writeFileSync } from "node:fs";
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
  writeFileSync(join(folder, "deep.json"), `${"[".repeat(300)}${"]".repeat(300)}`);
  mkdirSync(join(folder, "folder", "config.json"), { recursive: true });
  mkdirSync(join(folder, "folder.case.ts"));
  writeFileSync(join(folder, "empty.case.ts"), "export const cases = [];");
  writeFileSync(join(folder, "throws.case.ts"), 'throw new Error("no");');
  writeFileSync(join(folder, "exits.case.ts"), "process.exit(0);");
  writeFileSync(join(folder, "waits.case.ts"), "await new Promise(() => undefined);");
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
      /^lockstep: nope\.json: no such file; expected what lockstep run --json prints$/,
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
      /^lockstep: nope\.json: no such file; expected what lockstep run --json prints$/,
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
    [
      "a folder in place of a config",
      ["run", "--checkpoint", "folder", "--ids", "1,2,3,4,5"],
      /^lockstep: folder\/config\.json: a folder; expected /,
    ],
    [
      "a folder in place of a case file",
      ["run", "folder.case.ts"],
      /^lockstep: folder\.case\.ts: a folder; expected a case file/,
    ],
    ["a case file with no cases", ["run", "empty.case.ts"], /^lockstep: empty\.case\.ts: .*found one that is empty/],
    [
      "a case file that throws",
      ["run", "throws.case.ts"],
      /^lockstep: throws\.case\.ts, line 1: can't be imported, Error: no/,
    ],
    [
      "a case file that ends the process",
      ["run", "exits.case.ts"],
      /^lockstep: a file that was imported ended the process/,
    ],
    [
      "a case file that never finishes",
      ["run", "waits.case.ts"],
      /lockstep: a file that was imported ended the process, or never finished$/,
    ],
    [
      "a device in place of a verdict",
      ["repro", "/dev/null"],
      /^lockstep: \/dev\/null: a pipe, socket or device; expected /,
    ],
    [
      "a name of a file that is too long",
      ["repro", "x".repeat(5000)],
      /can't be read, its name is too long; expected what/,
    ],
    ["JSON that is nested too deeply", ["repro", "deep.json"], /^lockstep: deep\.json: JSON of more than 200 levels/],
    ["a share without jobs, as no share", ["nightly", "--shard", "3/2"], /^lockstep: --shard: expected <i>\/<n>/],
    ["an unknown fault", ["selftest", "nope"], /^lockstep: no fault "nope": expected a fault's id, or a category of /],
    ["an unknown option", ["run", "--tolerance", "1"], /^error: unknown option '--tolerance'/],
    ["an unknown command", ["compare"], /^error: unknown command 'compare'/],
    ["a limit that is no number", ["run", "--limit", "abc"], /^lockstep: expected a number above 0, found "abc"$/],
    [
      "a config that is not JSON",
      ["shapes", "broken.json"],
      /^lockstep: broken.json: expected JSON, found "\{\\"model_type\\": " \(.+\); expected a config\.json or a case name$/,
    ],
    [
      "a config that is no object",
      ["shapes", "list.json"],
      /^lockstep: list.json: expected a JSON object, found an array; expected a config.json/,
    ],
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

describe.concurrent("a machine that lacks something ends with exit code 3 and a sentence", () => {
  const check = ["golden", "check", "gemma4_unified/text"];
  it.each<[string, Record<string, string>, RegExp]>([
    [
      "a cache that is a file",
      { LOCKSTEP_CACHE: "/etc/hostname" },
      /^lockstep: the cache folder .* can't be made: .*LOCKSTEP_CACHE$/,
    ],
    [
      "a cache that can't be written",
      { LOCKSTEP_CACHE: "/proc/none" },
      /the cache folder .* can't be made: .*LOCKSTEP_CACHE/,
    ],
    [
      "no home",
      { HOME: "", LOCKSTEP_CACHE: "" },
      /^lockstep: there is no home directory to keep the cache in; set HOME/,
    ],
  ])("%s", async (_, environment, message) => {
    const { code, stderr } = await lockstep([...check, "--engine", "typescript"], { NO_COLOR: "1", ...environment });
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stderr).toMatch(new RegExp(message.source.replace("^lockstep: ", ""), "m"));
    expect(stderr).not.toMatch(/^\s+at |\b(EACCES|ENOENT|ENOTDIR|EEXIST)\b/m);
  });

  it("a full disk", async () => {
    const { code, stderr } = await lockstep([...check, "--engine", "cmd:/no/such/engine", "--junit", "/dev/full"]);
    expect(code).toBe(3);
    expect(stderr).toContain("lockstep: ");
    expect(stderr).toMatch(/no space is left on its device; free some, or name another folder$/m);
  });
});

it("a report goes to the device or pipe that is named", async () => {
  const args = ["golden", "check", "gemma4_unified/text", "--engine", "cmd:/no/such/engine", "--junit", "/dev/stdout"];
  const { code, stdout } = await lockstep(args);
  expect(code).toBe(4);
  expect(stdout).toMatch(/^<\?xml[^]*<\/testsuites>/);
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
