import { describe, expect, it } from "vitest";
import { maxRatio } from "../verdict/numbers.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { elementCount, float32Tensor } from "../trace/tensor.ts";
import { planPhases } from "../case/case.ts";
import { hasWholePhase, trackConsistency } from "./self-consistency.ts";

const phases = planPhases({ chunks: [2], decode: 1, full: true }); // prefill [0, 2), decode:1 [2, 3), full
const site = "model.layers.0:out";
const width = 2;

interface Change {
  readonly phase: string;
  readonly index: number;
  readonly by: number;
}

/** The tensor [batch, tokens, 2] of a phase: every element says which sequence, token and channel it belongs to. */
function output(start: number, end: number, batch: number): Float32Array {
  const values = [];
  for (let sequence = 0; sequence < batch; sequence++)
    for (let token = start; token < end; token++)
      for (let channel = 0; channel < width; channel++) values.push(100 * sequence + 10 * token + channel);
  return Float32Array.from(values);
}

/** Runs all phases of one engine; `change` spoils one element. */
function track(options: { batch?: number; mask?: number[]; change?: Change; noise?: number; name?: string }) {
  const { batch = 1, change, noise = 0.1, name = site } = options;
  const mask = options.mask ?? new Array<number>(batch * 3).fill(1);
  const tracker = trackConsistency("engine", phases, ({ start, end }) => ({ batch, start, end, mask, length: 3 }));
  for (const { name: phase, start, end } of phases) {
    const values = output(start, end, batch);
    if (change?.phase === phase) values[change.index]! += change.by;
    tracker.add({ site: name, phase, tensor: float32Tensor(values, [batch, end - start, width]), noise });
  }
  return tracker.result(4);
}

describe("an engine that agrees with itself", () => {
  it.each([1, 2, 3])("passes, its rows compared with those of the full forward (batch of %i)", (batch) => {
    expect(track({ batch })).toEqual({
      engine: "engine",
      status: "pass",
      compared: 2,
      worst: { site, phase: "prefill", ratio: 0 },
    });
  });

  it("passes on logits too", () => {
    expect(track({ name: "logits" }).compared).toBe(2);
  });

  it.each(["prefill", "full"])("passes when only padding differs, in %s", (phase) => {
    const change = { phase, index: 0, by: 50 };
    expect(track({ batch: 2, mask: [0, 1, 1, 1, 1, 1], change }).status).toBe("pass");
  });
});

describe("an engine that disagrees with itself", () => {
  it.each([
    ["prefill", 3],
    ["decode:1", 1],
  ])("fails in %s, in units of the noise", (phase, index) => {
    const { status, worst } = track({ change: { phase, index, by: 8 } });
    const elements = phase === "prefill" ? 4 : 2;
    expect([status, worst?.phase]).toEqual(["fail", phase]);
    expect(worst?.ratio).toBeCloseTo(8 / Math.sqrt(elements) / 0.1, 4);
  });

  it("fails when the full forward is the one that is wrong", () => {
    expect(track({ change: { phase: "full", index: 5, by: 8 } }).status).toBe("fail");
  });

  it("passes below the limit", () => {
    expect(track({ change: { phase: "decode:1", index: 0, by: 0.3 } }).status).toBe("pass");
  });

  it("fails on NaN, with a ratio that JSON can hold", () => {
    const { status, worst } = track({ change: { phase: "decode:1", index: 0, by: Number.NaN } });
    expect([status, worst?.ratio]).toEqual(["fail", maxRatio]);
  });

  it("fails where the noise is not known, though an equal site came before", () => {
    const tracker = trackConsistency("engine", phases, ({ start, end }) => ({
      batch: 1,
      start,
      end,
      mask: [1, 1, 1],
      length: 3,
    }));
    for (const [layer, by] of [0, 8].entries())
      for (const { name: phase, start, end } of phases) {
        const values = output(start, end, 1);
        if (phase === "full") values[0]! += by;
        const tensor = float32Tensor(values, [1, end - start, width]);
        tracker.add({ site: `model.layers.${layer}:out`, phase, tensor, noise: 0 });
      }
    expect(tracker.result(4)).toMatchObject({ status: "fail", worst: { site: "model.layers.1:out", ratio: maxRatio } });
  });

  it("fails when a phase has another width than the full forward: nothing is cut to fit", () => {
    const tracker = trackConsistency("engine", phases, ({ start, end }) => ({
      batch: 1,
      start,
      end,
      mask: [1, 1, 1],
      length: 3,
    }));
    const zeros = (shape: number[]): RawTensor => float32Tensor(new Float32Array(elementCount(shape)), shape);
    tracker.add({ site, phase: "decode:1", tensor: zeros([1, 1, 8]), noise: 1 });
    tracker.add({ site, phase: "full", tensor: zeros([1, 3, 2]), noise: 1 });
    expect(tracker.result(4).status).toBe("fail");
  });
});

describe("what is followed", () => {
  it.each(["model.layers.0.mlp:out", "model.layers.0:in", "model.norm:out", "cache.0.key"])("%s is not", (name) => {
    expect(track({ name })).toEqual({ engine: "engine", status: "unknown", compared: 0, worst: null });
  });
});

describe("hasWholePhase", () => {
  it("needs a full forward and something to compare with it", () => {
    const [full] = planPhases({ chunks: [3], decode: 0, full: true }).slice(1);
    const answers = [phases, [full!], planPhases({ chunks: [3], decode: 1, full: false })].map(hasWholePhase);
    expect(answers).toEqual([true, false, false]);
  });
});
