/** `action.yml`: its script, run by bash in a repository that has lockstep installed. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";
import { installPackage } from "../support/installed.ts";

const action = readFileSync(join(packageRoot, "action.yml"), "utf8");
const [, block] = /\n {6}run: \|\n((?: {8}.*\n?)+)/.exec(action)!;
const script = block!.replaceAll(/^ {8}/gm, "");

const repository = installPackage();
afterAll(() => repository[Symbol.dispose]());
repository.run("lockstep/harness/cli/bin.mjs", ["init"]);

// npx as far as the script needs it: the command of this repository and no other.
const tools = join(repository.folder, "tools");
mkdirSync(tools);
symlinkSync(process.execPath, join(tools, "node"));
writeFileSync(
  join(tools, "npx"),
  `#!/bin/bash\n[ "$1 $2" = "--no-install lockstep" ] || exit 99\nshift 2\nexec node "${join(repository.folder, "node_modules/lockstep/harness/cli/bin.mjs")}" "$@"\n`,
);
chmodSync(join(tools, "npx"), 0o755);

/** Runs the script as the runner does. */
function runAction(inputs: { command?: string; cases?: string; engine?: string }) {
  const summary = join(repository.folder, "summary.md");
  writeFileSync(summary, "");
  const { command = "golden check", cases = "", engine = "" } = inputs;
  const { status, stderr, stdout } = spawnSync(
    "/bin/bash",
    ["--noprofile", "--norc", "-eo", "pipefail", "-c", script],
    {
      cwd: repository.folder,
      encoding: "utf8",
      env: {
        ...{
          PATH: `${tools}:${dirname("/bin/bash")}`,
          NO_COLOR: "1",
          GITHUB_ACTIONS: "true",
          GITHUB_STEP_SUMMARY: summary,
        },
        ...{ LOCKSTEP_CACHE: process.env["LOCKSTEP_CACHE"], HOME: repository.folder },
        ...{ COMMAND: command, CASES: cases, ENGINE: engine, FOLDER: "reports" },
      },
    },
  );
  return { code: status, output: stdout + stderr, summary: readFileSync(summary, "utf8") };
}

describe.skipIf(!existsSync("/bin/bash"))("action.yml", () => {
  it("checks the goldens and leaves the reports where its outputs say", () => {
    const { code, output, summary } = runAction({});
    expect(output).toMatch(/ok {3}1 pass {3}48\/48 sites/);
    expect(code).toBe(0);
    expect(summary).toMatch(/^### lockstep: 1 pass/);
    const names = [...action.matchAll(/value: .*\/\$\{\{ inputs\.folder \}\}\/(\S+)/g)].map(([, name]) => name!);
    expect(names).toHaveLength(4);
    expect(names.filter((name) => !existsSync(join(repository.folder, "reports", name)))).toEqual([]);
  });

  it("takes patterns of cases and an engine of several words, and fails with the exit code of lockstep", () => {
    expect(runAction({ cases: "tiny_llama/* tiny_llama/text" }).code).toBe(0);
    const broken = runAction({ engine: "cmd:node --no-such-option" });
    expect(broken.output).toMatch(/^::error file=cases\/tiny_llama\.case\.ts/m);
    expect(broken.code).toBe(4);
    expect(runAction({ cases: "nosuch" }).code).toBe(2);
  });

  it("runs nothing but lockstep, whatever its inputs hold", () => {
    const hostile = "$(touch pwned) `touch pwned`; touch pwned";
    for (const inputs of [{ command: hostile }, { cases: hostile }, { engine: hostile }])
      expect(runAction(inputs).code).toBe(2);
    expect(existsSync(join(repository.folder, "pwned"))).toBe(false);
  });
});
