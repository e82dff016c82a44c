/**
 * `examples/vitest-engine` and `lockstep init` in repositories that have lockstep installed, run by the real vitest,
 * without Python.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";
import { installPackage } from "../support/installed.ts";

const vitest = "vitest/vitest.mjs";
const repository = installPackage();
afterAll(() => repository[Symbol.dispose]());
const at = (path: string): string => join(repository.folder, path);

describe("examples/vitest-engine", () => {
  beforeEach(() => {
    rmSync(at("reports"), { recursive: true, force: true });
    const source = join(packageRoot, "examples", "vitest-engine");
    cpSync(source, repository.folder, {
      recursive: true,
      filter: (path) => !/node_modules|reports/.test(path.slice(source.length)),
    });
  });

  it("has no type errors", () => {
    expect(repository.run("typescript/bin/tsc", ["-p", "."])).toEqual({ code: 0, output: "" });
  });

  it("passes as it is, with a report", () => {
    const { code, output } = repository.run(vitest, ["run"]);
    expect(output).toMatch(/ok {3}2 pass {3}55\/55 sites/);
    expect(code).toBe(0);
    expect(readFileSync(at("reports/index.html"), "utf8")).toContain("tiny_llama/text");
  });

  it("fails with the bug: lockstep's message, an annotation, the step summary and the report", () => {
    writeFileSync(at("summary.md"), "");
    const environment = { TINY_LLAMA_BUG: "rope", GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: at("summary.md") };
    const { code, output } = repository.run(vitest, ["run"], environment);
    expect(code).toBe(1);
    expect(output).toMatch(/FAIL {2}tiny_llama\/text {3}tiny-llama vs transformers .*golden {3}48\/48 sites/);
    expect(output).toMatch(/\n {3}model\.layers\.0\.self_attn#q_rope {3}in prefill\n {5}[\d,]+x noise\n {5}28 of 48/);
    expect(output).toMatch(
      /^::error file=cases\/tiny_llama\.case\.ts,line=1,title=lockstep%3A tiny_llama\/text::model\.layers\.0\.self_attn#q_rope in prefill/m,
    );
    expect(readFileSync(at("summary.md"), "utf8")).toContain(
      "**where** `model.layers.0.self_attn#q_rope` in `prefill`",
    );
    expect(readFileSync(at("reports/junit.xml"), "utf8")).toContain('failures="2"');
    expect(readFileSync(at("reports/index.html"), "utf8")).toContain("<title>2 fail · lockstep</title>");
  });

  it("makes one report of two shards", () => {
    for (const shard of ["1/2", "2/2"]) {
      const { output } = repository.run(vitest, ["run", "--reporter=blob", `--shard=${shard}`]);
      expect(output).not.toMatch(/^report /m);
    }
    expect(existsSync(at("reports/index.html"))).toBe(false);
    const { code, output } = repository.run(vitest, ["run", "--merge-reports"]);
    expect(output).toMatch(/ok {3}2 pass {3}55\/55 sites/);
    expect(code).toBe(0);
    expect(readFileSync(at("reports/junit.xml"), "utf8")).toContain('tests="2" failures="0"');
  });
});

describe("lockstep init", () => {
  it("writes tests that pass at once, and refuses to write them again", () => {
    using fresh = installPackage();
    const bin = "lockstep/harness/cli/bin.mjs";
    const made = fresh.run(bin, ["init"]);
    expect(made.output).toContain("wrote  lockstep.test.ts");
    expect(made.code).toBe(0);
    const tested = fresh.run(vitest, ["run", "--config", "vitest.lockstep.config.ts"]);
    expect(tested.output).toMatch(/ok {3}1 pass {3}48\/48 sites/);
    expect(tested.code).toBe(0);
    const again = fresh.run(bin, ["init"]);
    expect(again.output).toContain("nothing was written");
    expect(again.code).toBe(2);
  });
});
