import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { defineCase } from "../case/case.ts";
import { plainText } from "../case/input-tensors.ts";
import type { Script, Step } from "../engine/test-scripted.ts";
import { scriptedPool } from "../engine/test-scripted.ts";
import { testFolder } from "../trace/test-folder.ts";
import { checkGolden } from "./check.ts";
import { drawCheckpoint } from "./checkpoint.ts";
import { pinnedReference } from "./fresh-checkpoint.ts";
import { writeGolden } from "./format/file.ts";
import { recordGolden } from "./record.ts";

const steps: Step[] = [
  ["model.embed_tokens:out", (x) => x.map((value) => value * 1.1)],
  ["model.layers.0.mlp:out", (x) => x.map((value) => Math.tanh(value) + 0.3)],
  ["logits", (x) => x.map((value) => value * 3.3)],
];
const config = { architectures: ["Scripted"] };
const one = defineCase({
  name: "scripted/text",
  title: "three steps",
  config,
  inputs: () => plainText(9),
  phases: [{ name: "full", start: 0, end: 9, cache: false }],
});

const folder = testFolder();
let weights: { directory: string; sha256: string };
beforeAll(async () => {
  vi.stubEnv("LOCKSTEP_CACHE", join(folder, "cache"));
  weights = drawCheckpoint(config, { seed: 0, tensors: [["w", [3]]] } as never);
  writeGolden(folder, await recordGolden(poolOf(), one));
});
afterAll(() => void vi.unstubAllEnvs());

function poolOf(script: Partial<Script> = {}) {
  const load = () => ({ checkpoint: weights.directory, weights_sha256: weights.sha256, modules: [], tensors: [] });
  return scriptedPool({ width: 16, steps, version: pinnedReference()!, answers: { load }, ...script });
}

describe("an engine against a recorded reference", () => {
  it("passes where it computes the same", async () => {
    const verdict = await checkGolden(poolOf(), one, { folder });
    expect(verdict).toMatchObject({ status: "pass", mode: "golden", coverage: { compared: 3, total: 3 } });
  });

  it("fails first at the site that is wrong, without saying what later ones inherit", async () => {
    const engine = { "model.layers.0.mlp:out": (x: Float64Array) => x.map((value) => Math.tanh(value) + 0.31) };
    const { status, culprits, sites } = await checkGolden(poolOf({ engine }), one, { folder });
    expect([status, culprits.map(({ site }) => site)]).toEqual(["fail", ["model.layers.0.mlp:out"]]);
    expect(sites.map((site) => [site.run?.status, site.local])).toEqual([
      ["pass", null],
      ["fail", null],
      ["fail", null],
    ]);
  });

  it("is unknown where it offers a site less", async () => {
    const { status, coverage } = await checkGolden(poolOf({ engine: { logits: null } }), one, { folder });
    expect([status, coverage.unknown]).toEqual(["unknown", ["logits"]]);
  });

  it("is refused where the golden speaks of other inputs", async () => {
    const other = { ...one, inputs: () => plainText(9, 6) };
    const { status, error } = await checkGolden(poolOf(), other, { folder });
    expect([status, error?.kind]).toEqual(["error", "usage"]);
    expect(error?.message).toMatch(/golden of scripted\/text is stale/);
  });
});
