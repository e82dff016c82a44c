/** Memory is O(one layer): a trace of 60 layers passes through three processes that grow by a small part of it. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defineCase, planPhases } from "../../harness/case/case.ts";
import type { Case } from "../../harness/case/case.ts";
import { runCase } from "../../harness/run/live.ts";
import { dtypeBytes, isDtype } from "../../harness/trace/dtypes.ts";
import { elementCount } from "../../harness/trace/tensor.ts";
import { textOnly } from "../../cases/gemma4_unified.config.ts";
import { textInputs } from "../../cases/gemma4_unified.inputs.ts";
import { livePool } from "../support/live.ts";

const tokens = 192;
const mebibyte = 2 ** 20;

/** A text model of so many layers, on enough tokens for megabytes a layer. */
function deepCase(layers: number): Case {
  const kinds = ["sliding_attention", "sliding_attention", "full_attention"];
  return defineCase({
    name: `memory/${layers}_layers`,
    title: `${layers} layers`,
    config: {
      ...textOnly,
      num_hidden_layers: layers,
      max_position_embeddings: 256,
      layer_types: Array.from({ length: layers }, (_, layer) => kinds[layer % 3]!),
    },
    inputs: (seed) => textInputs(seed, [tokens]),
    phases: planPhases({ chunks: [tokens], decode: 0, full: false }),
  });
}

/** Largest resident size so far of a process, in bytes. */
function peakResident(pid: number | "self"): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce(
    (total, name) => total + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

describe.skipIf(livePool === null || process.platform !== "linux")("memory", () => {
  it("stays O(one layer)", async () => {
    const engines = [await livePool!.reference(), await livePool!.get("typescript")];
    await runCase(livePool!, deepCase(6)); // warm: what a run costs at all
    const before = [peakResident("self"), ...engines.map(({ pid }) => peakResident(pid))];
    let spooled = 0;
    const watch = setInterval(
      () => (spooled = Math.max(spooled, ...engines.map(({ spool }) => folderBytes(spool)))),
      5,
    );
    const verdict = await runCase(livePool!, deepCase(60));
    clearInterval(watch);
    const after = [peakResident("self"), ...engines.map(({ pid }) => peakResident(pid))];

    expect(verdict.status).toBe("pass");
    const traceBytes = verdict.sites.reduce(
      (total, { expected }) =>
        total + (expected && isDtype(expected.dtype) ? elementCount(expected.shape) * dtypeBytes[expected.dtype] : 0),
      0,
    );
    const growth = after.map((bytes, side) => bytes - before[side]!);
    console.log(
      `one trace ${Math.round(traceBytes / mebibyte)} MiB; growth of harness, reference, engine: ${growth.map((bytes) => Math.round(bytes / mebibyte)).join(", ")} MiB; spool at most ${Math.round(spooled / mebibyte)} MiB`,
    );
    expect(traceBytes).toBeGreaterThan(100 * mebibyte);
    // What passes through: the engine's trace, and the reference's and the oracle's (twice as wide) twice each, 7 in
    // all; how late garbage is collected is up to V8.
    for (const bytes of [...growth, spooled]) expect(bytes).toBeLessThan((7 * traceBytes) / 6);
  });
});
