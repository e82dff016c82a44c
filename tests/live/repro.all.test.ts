/**
 * A reproduction needs torch and transformers alone: its script is run as its reader would run it, and must print the
 * difference.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { referenceEngine } from "../../harness/engine/registry.ts";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import { requirementFiles } from "../../harness/engine/pool.ts";
import { plant } from "../../harness/selftest/faults.ts";
import { loadFaults, selectFaults } from "../../harness/engine/faults.ts";
import { runCase } from "../../harness/run/live.ts";
import { writeRepro } from "../../harness/repro/folder.ts";
import { captureSite, chooseSite, findAgain } from "../../harness/repro/capture.ts";
import { ensureEnvironment } from "../../harness/setup/python.ts";
import { livePool } from "../support/live.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";

const [cases, faults] = [await loadCases(standardFolders.cases), await loadFaults()];
const folder = testFolder();

const report = (): void => undefined;

/**
 * Plants a fault, writes the reproduction of its verdict, and runs its script again, where no module of lockstep can be
 * imported.
 */
async function reproduce(id: string) {
  const [fault] = selectFaults(faults, [id]);
  const verdict = await runCase(livePool!, plant(fault!, cases), { explain: 0 });
  const wanted = chooseSite(verdict, undefined);
  const { testCase, engine } = findAgain(verdict, { cases, faults }, { file: "the test" });
  const captured = await captureSite(livePool!, testCase, { engine, dtype: "float32", seed: 0, wanted });
  const written = await writeRepro(join(folder, id), { verdict, wanted, captured, report });
  const { python } = await ensureEnvironment(requirementFiles(referenceEngine()), report);
  const { stdout } = await execa(python, ["-I", "repro.py"], { cwd: written.folder });
  const [toExpected, toFound] = [...stdout.matchAll(/^max \|transformers - \w+\| = (\S+)$/gm)].map((match) =>
    Number(match[1]),
  );
  const script = readFileSync(join(written.folder, "repro.py"), "utf8");
  return { fault: fault!, wanted, written, script, toExpected: toExpected!, toFound: toFound! };
}

describe.skipIf(livePool === null)("the reproduction", () => {
  it("of a wrong epsilon calls that one norm", async () => {
    const { fault, wanted, written, script, toExpected, toFound } = await reproduce("fastdeploy-eps-hardcoded");
    expect(wanted.site).toBe(fault.at);
    expect(written.kind).toBe("module");
    expect(toExpected).toBeLessThan(1e-6);
    expect(toFound).toBeGreaterThan(5e-5);
    expect(script.split("\n").length).toBeLessThan(30);
    expect(readdirSync(written.folder).toSorted()).toEqual(["README.md", "model", "repro.py", "tensors.safetensors"]);
    expect(readFileSync(join(written.folder, "README.md"), "utf8")).toContain(`= ${toFound}`);
  });

  it("of a wrong attention scale computes the scores from the recorded queries and keys", async () => {
    const { wanted, written, toExpected, toFound } = await reproduce("llamacpp-gemma27b-scale");
    expect(wanted.parts.functional).toBe("scores");
    expect(written.kind).toBe("model");
    expect(toExpected).toBeLessThan(1e-4);
    expect(toFound).toBeGreaterThan(1);
  });

  it("of glue between modules in a decode step lets the modules answer what was recorded", async () => {
    const { wanted, written, toExpected, toFound } = await reproduce("llama4-temp-tuning");
    expect(wanted).toMatchObject({ phase: "decode:2", parts: { functional: "q_rope" } });
    expect(written.kind).toBe("model");
    expect(toFound).toBeGreaterThan(1000 * toExpected);
  });

  it("of a cache that a prefix was reused from runs the phases that the cache comes from", async () => {
    const { wanted, toExpected, toFound } = await reproduce("prefix-cache-shared-not-copied");
    expect(wanted.phase).toBe("reuse:1");
    expect(toFound).toBeGreaterThan(1000 * toExpected);
  });

  it("does not replace a folder that holds something else", async () => {
    const target = join(folder, "taken");
    const verdict = await runCase(livePool!, plant(selectFaults(faults, ["final-norm-eps"])[0]!, cases), {
      explain: 0,
    });
    const wanted = chooseSite(verdict, undefined);
    const { testCase, engine } = findAgain(verdict, { cases, faults }, { file: "the test" });
    const captured = await captureSite(livePool!, testCase, { engine, dtype: "float32", seed: 0, wanted });
    mkdirSync(target);
    writeFileSync(join(target, "thesis.txt"), "");
    await expect(writeRepro(target, { verdict, wanted, captured, report })).rejects.toThrow(/holds something else/);
    expect(readdirSync(target)).toEqual(["thesis.txt"]);
  });
});
