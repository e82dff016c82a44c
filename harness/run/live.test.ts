import { describe, expect, it } from "vitest";
import { defineCase, planPhases } from "../case/case.ts";
import { plainText } from "../case/input-tensors.ts";
import type { Script, Step } from "../engine/test-scripted.ts";
import { scriptedPool } from "../engine/test-scripted.ts";
import { runCase } from "./live.ts";

const tokens = 9;
const scale =
  (factor: number): Step[1] =>
  (x) =>
    x.map((value) => value * factor);
const steps: Step[] = [
  ["model.embed_tokens:out", scale(1.1)],
  ["model.layers.0.norm:out", scale(0.7)],
  ["model.layers.0.mlp:out", (x) => x.map((value) => Math.tanh(value) + 0.3)],
  ["model.layers.1.mlp:out", (x) => x.map((value) => Math.tanh(value) - 0.2)],
  ["logits", scale(3.3)],
];
const one = defineCase({
  name: "scripted/text",
  title: "five steps",
  config: {},
  inputs: () => plainText(tokens),
  phases: planPhases({ chunks: [tokens - 1], decode: 1, full: false }),
});

function verdictOf(script: Partial<Script> = {}, options: Parameters<typeof runCase>[2] = {}) {
  return runCase(scriptedPool({ width: 12, steps, ...script }), one, { explain: 0, ...options });
}

describe("a run against the live reference", () => {
  it("of an engine that rounds as the reference does passes at every site in every phase", async () => {
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: "pass", met: true, culprits: [], error: null });
    expect(verdict.coverage).toEqual({ compared: 10, total: 10, unknown: [], unexpected: [] });
    expect(verdict.sites.map(({ site, phase }) => `${phase} ${site}`)).toEqual(
      ["prefill", "decode:1"].flatMap((phase) => steps.map(([site]) => `${phase} ${site}`)),
    );
  });

  it("names the one step that is wrong on the data that it got, and no step behind it", async () => {
    const wrong = { "model.layers.0.mlp:out": scale(1.01) };
    const { status, culprits, sites } = await verdictOf({ engine: wrong });
    expect([status, culprits.map(({ site, phase }) => [site, phase])]).toEqual([
      "fail",
      [["model.layers.0.mlp:out", "prefill"]],
    ]);
    expect(culprits[0]).toMatchObject({ why: { kind: "noise" }, also: [{ phase: "decode:1" }], inherited: false });
    const behind = sites.find(({ site, phase }) => site === "logits" && phase === "prefill")!;
    expect([behind.status, behind.run?.status, behind.local?.status]).toEqual(["pass", "fail", "pass"]);
  });

  it("finds two independent faults as two culprits, in execution order", async () => {
    const engine = { "model.layers.0.norm:out": scale(0.71), logits: scale(3.2) };
    const { culprits } = await verdictOf({ engine });
    expect(culprits.map(({ site }) => site)).toEqual(["model.layers.0.norm:out", "logits"]);
  });

  it("takes one place that is wrong in two layers for one culprit", async () => {
    const shifted: Step[1] = (x) => x.map((value) => Math.tanh(value) + 0.5);
    const engine = { "model.layers.0.mlp:out": shifted, "model.layers.1.mlp:out": shifted };
    const { culprits } = await verdictOf({ engine });
    expect(culprits).toHaveLength(1);
    expect(culprits[0]!.also.map(({ site }) => site)).toContain("model.layers.1.mlp:out");
  });

  it("never passes values that are not finite, though every later step is right on what it got", async () => {
    const engine = { "model.layers.0.norm:out": (x: Float64Array) => x.with(3, Number.NaN) };
    const { status, culprits, sites } = await verdictOf({ engine });
    expect([status, culprits[0]]).toMatchObject([
      "fail",
      { site: "model.layers.0.norm:out", why: { kind: "not finite" } },
    ]);
    expect(sites.find(({ site }) => site === "logits")!.status).toBe("fail");
  });

  it("of an engine that offers a site less is unknown, and says which", async () => {
    const { status, coverage, sites } = await verdictOf({ engine: { "model.layers.0.norm:out": null } });
    expect([status, coverage.unknown]).toEqual(["unknown", ["model.layers.0.norm:out"]]);
    const missing = sites.find(({ site }) => site === "model.layers.0.norm:out")!;
    expect(missing).toMatchObject({
      run: { why: { kind: "not offered" } },
      expected: { shape: [1, 8, 12], dtype: "F32" },
    });
  });

  it("of an engine without a cache leaves the phases that need one, and says why", async () => {
    const { status, sites } = await verdictOf({ capabilities: { cache: false } });
    const unknown = sites.filter((site) => site.status === "unknown");
    expect([status, new Set(unknown.map(({ phase }) => phase))]).toEqual(["unknown", new Set(["decode:1"])]);
    expect(unknown[0]!.run).toMatchObject({ why: { kind: "phase impossible", lacks: "cache" } });
  });

  it("of an engine that dies keeps what was judged before", async () => {
    const { status, sites, error } = await verdictOf({ dies: "model.layers.0.norm:out" });
    expect([status, error?.kind, error?.message]).toEqual(["error", "engine", "died after model.layers.0.norm:out"]);
    expect(sites.map(({ site }) => site)).toContain("model.embed_tokens:out");
  });

  it("of the wanted sites alone compares nothing else", async () => {
    const { coverage, status } = await verdictOf({}, { sites: ["logits"] });
    expect([status, coverage.total]).toEqual(["pass", 2]);
  });

  it("stops at the first culprit where that is asked for", async () => {
    const engine = { "model.layers.0.norm:out": scale(0.71), logits: scale(3.2) };
    const { culprits } = await verdictOf({ engine }, { bail: true });
    expect(culprits.map(({ site }) => site)).toEqual(["model.layers.0.norm:out"]);
  });

  it("compares the logits' next tokens and the config fields that both sides read", async () => {
    const answers: Script["answers"] = {
      config_reads: (side) => ({ reads: side === "engine" ? [] : [{ scope: "model", field: "hidden_size" }] }),
    };
    const { logits } = await verdictOf({ answers, engine: { logits: scale(-3.3) } });
    expect(logits.map(({ phase, top1, rows }) => [phase, top1, rows])).toEqual([
      ["prefill", 0, 8],
      ["decode:1", 0, 1],
    ]);
  });
});

describe("a run that is right at every site", () => {
  const count = 60;
  const long = (compute: Step[1]): Step[] =>
    Array.from({ length: count }, (_, layer) => [
      layer === count - 1 ? "logits" : `model.layers.${layer}:out`,
      compute,
    ]);
  const engineOf = (all: readonly Step[], compute: Step[1]) => Object.fromEntries(all.map(([site]) => [site, compute]));

  it("fails where small errors add up to more than amplified rounding", async () => {
    const damped = long((x) => x.map((value) => value * 0.99 + 0.01));
    const lean: Step[1] = (x) => x.map((value, index) => value * 0.99 + 0.01 + (index % 2 === 0 ? 1 : -1) * 7e-8);
    const { status, sites, culprits, amplification } = await verdictOf({
      steps: damped,
      engine: engineOf(damped, lean),
    });
    expect(sites.filter((site) => site.status !== "pass")).toEqual([]);
    expect([status, culprits]).toEqual(["fail", []]);
    expect(amplification.map((check) => [check.phase, check.status])).toContainEqual(["prefill", "fail"]);
  });

  it("is not doubted where only some sites were compared: rounding at the others is not known", async () => {
    const damped = long((x) => x.map((value) => value * 0.99 + 0.01));
    const lean: Step[1] = (x) => x.map((value, index) => value * 0.99 + 0.01 + (index % 2 === 0 ? 1 : -1) * 7e-8);
    const script = { steps: damped, engine: engineOf(damped, lean) };
    const { amplification } = await verdictOf(script, { sites: ["logits"] });
    expect(amplification).toEqual([]);
  });

  it("passes where the model amplifies the rounding of a healthy engine", async () => {
    const chaotic = long((x) => x.map((value) => 3.9 * Math.abs(value % 1) * (1 - Math.abs(value % 1))));
    const otherwise: Step[1] = (x) =>
      x.map((value) => {
        const own = Math.abs(value % 1);
        return Math.fround(Math.fround(3.9 * own) - Math.fround(Math.fround(3.9 * own) * own));
      });
    const steps10 = [...chaotic.slice(0, 9), chaotic.at(-1)!];
    const { status, amplification } = await verdictOf({ steps: steps10, engine: engineOf(steps10, otherwise) });
    expect(amplification.map((check) => check.status)).toContain("pass");
    expect(status).toBe("pass");
  });
});
