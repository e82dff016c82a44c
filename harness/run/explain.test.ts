import { describe, expect, it } from "vitest";
import { defineCase, planPhases } from "../case/case.ts";
import { plainText } from "../case/input-tensors.ts";
import type { Script, Step } from "../engine/test-scripted.ts";
import { scriptedPool } from "../engine/test-scripted.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { float32Tensor, viewBytes } from "../trace/tensor.ts";
import type { Change } from "../verdict/change.ts";
import { runCase } from "./live.ts";

const [tokens, width] = [9, 12];
const wrong: Step[1] = (x) => x.map((value) => 2 * value);
const steps: Step[] = [
  ["model.embed_tokens:out", (x) => x.map((value) => 1.1 * value)],
  ["model.layers.0.mlp:out", (x) => x.map((value) => Math.tanh(value))],
  ["logits", (x) => x.map((value) => 3.3 * value)],
];
const one = defineCase({
  name: "scripted/explained",
  title: "three steps",
  config: {},
  inputs: () => plainText(tokens),
  phases: planPhases({ chunks: [tokens], decode: 0, full: false }),
});

const activation: Change = { kind: "activation", expected: "silu", found: "gelu_tanh" };
const scaled: Change = { kind: "activation", expected: "silu", found: "relu" };
const candidate = (change: Change) => ({
  ...{ id: JSON.stringify(change), category: "activation", changes: [change], part: null, fitted: 0, form: false },
  ...{ about: [], sources: [], synonyms: [], apart: null, phases: [0] },
});

/** What the module gives as it is (`factor` 1), or with a change (2 is what the engine has), on what the engine had. */
function tensorsOf(name: string, factor: number): [string, RawTensor][] {
  const input = Float64Array.from({ length: tokens * width }, (_, index) => Math.fround(1.1 * Math.sin(index + 1)));
  const exact = input.map((value) => (factor === 1 ? Math.tanh(value) : factor * value));
  const shape = [1, tokens, width];
  return [
    [`oracle.${name}.0`, { dtype: "F64", shape, bytes: viewBytes(exact) }],
    [`reference.${name}.0`, float32Tensor(Float32Array.from(exact), shape)],
  ];
}

/** The answer of a reference in which each candidate gives `factor` times the input. */
function answer(factors: readonly number[], unchanged = 1): Script["explain"] {
  const [, engine] = tensorsOf("engine", 2)[1]!;
  return () =>
    Promise.resolve({
      ...{ tried: 7, phases: ["prefill"], file: null },
      candidates: [candidate(activation), candidate(scaled)].slice(0, factors.length),
      tensors: new Map([
        ["engine.0", engine],
        ...tensorsOf("unchanged", unchanged),
        ...factors.flatMap((factor, place) => tensorsOf(String(place), factor)),
      ]),
    });
}

async function explanationOf(explain: Script["explain"]) {
  const pool = scriptedPool({ width, steps, engine: { "model.layers.0.mlp:out": wrong }, ...(explain && { explain }) });
  const { culprit } = await runCase(pool, one);
  expect(culprit?.site).toBe("model.layers.0.mlp:out");
  return culprit!.explanation;
}

describe("the explanation of a culprit", () => {
  it("is the change with which the reference gives what the engine has", async () => {
    expect(await explanationOf(answer([2, 3]))).toMatchObject({
      ...{ status: "explained", tried: 7 },
      candidates: [{ changes: [activation], phases: ["prefill"], not_in: [] }],
    });
  });

  it("is ambiguous between two changes that both do", async () => {
    const explanation = await explanationOf(answer([2, 2]));
    expect([explanation?.status, explanation?.candidates.length]).toEqual(["ambiguous", 2]);
  });

  it("is none where no change does, with a reading of the error", async () => {
    expect(await explanationOf(answer([3]))).toMatchObject({
      ...{ status: "unexplained", candidates: [] },
      reading: { kind: "as large as the values" },
    });
  });

  it("is none where the unchanged reference does: the failure is suspect", async () => {
    expect(await explanationOf(answer([2], 2))).toMatchObject({
      ...{ status: "unexplained", candidates: [], reading: { kind: "unchanged fits" } },
    });
  });

  it("is none where the search breaks, and says so; the verdict stands", async () => {
    const broken = () => Promise.reject(new Error("out of memory"));
    expect(await explanationOf(broken)).toMatchObject({
      ...{ status: "unexplained", tried: 0 },
      reading: { kind: "search broke", message: "out of memory" },
    });
  });

  it("is not looked for where the reference offers none", async () => {
    expect(await explanationOf(undefined)).toBeUndefined();
  });
});
