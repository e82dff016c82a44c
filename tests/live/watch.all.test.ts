/**
 * `lockstep run --watch` in a repository of its own: a changed case runs again, an untouched one does not, and the
 * reference stays warm.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";
import { livePool } from "../support/live.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lockstep-watch-"));
  mkdirSync(join(folder, "cases"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeCase(name: string, lastToken: number): void {
  const text = `import { defineCase, int64Tensor, planPhases } from "lockstep";
import { config } from "./config.ts";
export const cases = [
  defineCase({
    name: "watched/${name}",
    title: "${name}",
    config,
    inputs: () => new Map([["input_ids", int64Tensor([1, 2, 3, ${lastToken}], [1, 4])]]),
    phases: planPhases({ chunks: [3], decode: 1, full: false }),
  }),
];
`;
  writeFileSync(join(folder, "cases", `${name}.case.ts`), text);
}

function writeConfig(eps: number): void {
  const config = {
    ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_size: 24, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, num_key_value_heads: 2, head_dim: 12, intermediate_size: 40, vocab_size: 50 },
    ...{ max_position_embeddings: 64, rms_norm_eps: eps },
  };
  writeFileSync(join(folder, "cases", "config.ts"), `export const config = ${JSON.stringify(config)};\n`);
}

describe.skipIf(livePool === null)("run --watch", () => {
  it("runs again what a change touches, and nothing else", async () => {
    writeConfig(1e-3);
    writeCase("one", 4);
    writeCase("two", 5);
    const bin = join(packageRoot, "harness", "cli", "bin.mjs");
    const child = spawn(process.execPath, [bin, "run", "--watch"], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1" },
    });
    let printed = "";
    child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => void child.on("exit", resolve));
    /** Returns the output up to the moment when it waits for the next change. */
    const untilWatching = async (): Promise<string> => {
      while (!/^watch /m.test(printed) && child.exitCode === null) await setTimeout(50);
      await setTimeout(300); // the watchers are set up right after the line
      const all = printed;
      printed = "";
      return all;
    };
    expect(await untilWatching()).toMatch(/PASS {2}watched\/one[^]*PASS {2}watched\/two[^]*ok {3}2 pass/);
    writeCase("two", 6);
    const second = await untilWatching();
    expect(second).toMatch(/PASS {2}watched\/two[^]*ok {3}1 pass/);
    expect(second).not.toContain("watched/one");
    writeConfig(1e-2);
    expect(await untilWatching()).toMatch(/watched\/one[^]*watched\/two[^]*ok {3}2 pass/);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
  });
});
