import { describe, expect, it } from "vitest";
import type { Culprit } from "../verdict/culprit.ts";
import type { Why } from "../verdict/site.ts";
import { noise } from "../verdict/test-sites.ts";
import type { Verdict } from "../verdict/schema.ts";
import { failureOf, sameCause, sameFailure } from "./failure.ts";

const config = { text_config: { num_hidden_layers: 3, layer_types: ["sliding", "full", "sliding"] } };
type Told = Pick<Culprit, "site" | "why"> & { status?: string; ids?: readonly string[] };

function failure(told: Told, others: readonly Told[] = []) {
  const { status = "explained", ids } = told;
  const culprit = { ...told, ...(ids && { explanation: { status, candidates: ids.map((id) => ({ id })) } }) };
  const culprits = [culprit, ...others];
  return failureOf({ status: "fail", culprit, culprits, error: null } as unknown as Verdict, config)!;
}

const at = (site: string, why: Why = noise(434)): Told => ({ site, why });
const row: Why = { kind: "noise", at: { part: "row", index: 3 }, ratio: 12 };
const shape: Why = { kind: "shape", expected: [1, 3], found: [1, 2] };
const direction: Why = { kind: "direction", ratio: 2.1, direction: { kind: "scale", ulp: 3, z: 20 } };

describe("sameFailure", () => {
  const first = failure(at("model.layers.0.mlp:out"), [at("cache.1.key")]);

  it.each<[string, Told, Told[]]>([
    ["another layer of the kind, another size of error", at("model.layers.2.mlp:out", row), []],
    ["what else was wrong before", at("model.layers.0.mlp:out"), [at("cache.0.key")]],
  ])("is %s", (_, told, others) => {
    expect(sameFailure(first, failure(told, others))).toBe(true);
  });

  it.each<[string, Told, Told[]]>([
    ["a layer of another kind", at("model.layers.1.mlp:out"), []],
    ["another site", at("model.layers.0.mlp.up_proj:out"), []],
    ["another kind of difference", at("model.layers.0.mlp:out", shape), []],
    ["only a direction in small errors", at("model.layers.0.mlp:out", direction), []],
    ["something wrong in a new place", at("model.layers.0.mlp:out"), [at("logits")]],
    ["something wrong in another way", at("model.layers.0.mlp:out"), [at("cache.1.key", shape)]],
  ])("is not %s", (_, told, others) => {
    expect(sameFailure(first, failure(told, others))).toBe(false);
  });

  it("is no verdict that passes, and no error of the caller", () => {
    const passes = { status: "pass", culprit: null, culprits: [], error: null } as unknown as Verdict;
    const refused = { ...passes, status: "error", error: { kind: "usage", message: "no such config" } } as Verdict;
    expect([passes, refused].map((verdict) => failureOf(verdict, config))).toEqual([null, null]);
  });

  it("is a crash with the same message, whatever its numbers", () => {
    const crash = (message: string) =>
      failureOf(
        { status: "error", culprit: null, culprits: [], error: { kind: "engine", message } } as unknown as Verdict,
        config,
      )!;
    expect(sameFailure(crash("index 12 out of 8\nstack"), crash("index 3 out of 2"))).toBe(true);
    expect(sameFailure(crash("index 12 out of 8"), crash("out of memory"))).toBe(false);
  });
});

describe("sameCause", () => {
  const told = (status: string, ...ids: string[]) => failure({ ...at("model.norm:out"), status, ids });

  it("is the cause that was the only one, in any layer, with the same number", () => {
    const first = told("explained", "scalar/model.layers.5.norm:add=1e-06");
    expect(sameCause(first, told("explained", "scalar/model.layers.5.norm:add=1e-06"))).toBe(true);
    expect(sameCause(first, told("explained", "scalar/model.layers.5.norm:add=1e-05"))).toBe(false);
    expect(sameCause(first, told("ambiguous", "scalar/model.layers.5.norm:add=1e-06", "other"))).toBe(false);
    expect(sameCause(first, told("unexplained"))).toBe(false);
  });

  it("is the likeliest of several where there were several, and anything where there was none", () => {
    expect(sameCause(told("ambiguous", "a", "b"), told("ambiguous", "a", "c"))).toBe(true);
    expect(sameCause(told("ambiguous", "a", "b"), told("explained", "a"))).toBe(true);
    expect(sameCause(told("ambiguous", "a", "b"), told("ambiguous", "b", "a"))).toBe(false);
    expect(sameCause(told("unexplained"), told("explained", "b"))).toBe(true);
    expect(sameCause(failure(at("model.norm:out")), null)).toBe(true);
  });
});
