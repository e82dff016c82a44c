/** The Python adapter of docs/new-engine.md, taken out of the page and run: it keeps the protocol, every site is green. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { requirementFiles } from "../../harness/engine/pool.ts";
import { packageRoot, referenceEngine } from "../../harness/engine/registry.ts";
import { locateEnvironment } from "../../harness/setup/python.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";
import { livePool } from "../support/live.ts";

const page = readFileSync(join(packageRoot, "docs", "new-engine.md"), "utf8");
const adapter = page.match(/```python\n(# engine\.py\n.*?)```/s)?.[1] ?? "";
const bin = join(packageRoot, "harness", "cli", "bin.mjs");

describe.skipIf(livePool === null)("the Python adapter of docs/new-engine.md", () => {
  let folder = "";
  let python = "";
  beforeAll(async () => {
    folder = testFolder();
    ({ python } = await locateEnvironment(requirementFiles(referenceEngine())));
    writeFileSync(join(folder, "engine.py"), adapter);
    copyFileSync(join(packageRoot, "examples", "pytorch-engine", "llama.py"), join(folder, "llama.py"));
  });

  const lockstep = (...words: string[]) =>
    execa(process.execPath, [bin, ...words], {
      ...{ cwd: packageRoot, reject: false, all: true },
      env: { PYTHONPATH: join(packageRoot, "engines", "python") },
    });

  it("is as short as the page says that adapters are", () => {
    expect(adapter.split("\n").length).toBeGreaterThan(20);
    expect(adapter.split("\n").length).toBeLessThan(60);
  });

  it("passes the conformance suite", async () => {
    const words = ["--case", "llama/chunked", "--", python, join(folder, "engine.py")];
    const { all, exitCode } = await lockstep("engines", "check", ...words);
    expect(all).toContain("15 passed, 0 failed, 2 skipped");
    expect(exitCode).toBe(0);
  });

  it("is green at every site", async () => {
    const engine = `cmd:${python} ${join(folder, "engine.py")}`;
    const { all, exitCode } = await lockstep("golden", "check", "llama/chunked", "--engine", engine);
    expect(all).toContain("328/328 sites");
    expect(exitCode).toBe(0);
  });
});
