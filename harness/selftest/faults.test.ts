import { describe, expect, it } from "vitest";
import type { Case } from "../case/case.ts";
import { UsageError } from "../trace/errors.ts";
import type { Status } from "../verdict/site.ts";
import type { Verdict } from "../verdict/schema.ts";
import { locate, plant, rateExplanation } from "./faults.ts";

const fault = { id: "one", title: "t", category: "c", case: "a/b", at: "x:out", spec: { module: "m", name: "n" } };

describe("plant", () => {
  it("puts the fault into its case", () => {
    const testCase = { name: "a/b", title: "a case" } as Case;
    expect(plant(fault, [{ name: "a/c" } as Case, testCase])).toEqual({
      ...testCase,
      fault: fault.spec,
      faultId: fault.id,
    });
  });

  it("refuses a fault whose case is not there", () => {
    expect(() => plant(fault, [])).toThrow(new UsageError("fault one: there is no case a/b"));
  });
});

describe("locate", () => {
  const at = "model.layers.2.self_attn#scores";
  const verdict = (status: Status, site?: string, phase = "prefill") =>
    ({ status, culprit: site === undefined ? null : { site, phase } }) as Verdict;

  it.each<[string, string, Verdict]>([
    ["exact", "its own site", verdict("fail", at)],
    ["exact", "its own site, where the engine stopped", verdict("error", at)],
    ["parent", "another site of its module", verdict("fail", "model.layers.2.self_attn#probs")],
    ["parent", "a module that contains it", verdict("fail", "model.layers.2:out")],
    ["parent", "a module in its own", verdict("fail", "model.layers.2.self_attn.o_proj:in")],
    ["wrong", "another layer whose number begins alike", verdict("fail", "model.layers.22.self_attn#scores")],
    ["wrong", "another module", verdict("fail", "model.layers.2.mlp:out")],
    ["wrong", "a failure without a culprit", verdict("fail")],
    ["undetected", "a pass", verdict("pass")],
    ["undetected", "an unknown", verdict("unknown")],
    ["undetected", "a crash", verdict("error")],
  ])("%s: %s", (located, _, found) => {
    expect(locate({ at }, found)).toBe(located);
  });

  it("is not exact in another phase than the fault's", () => {
    const found = verdict("fail", at, "decode:1");
    expect([locate({ at, phase: "decode:1" }, found), locate({ at, phase: "prefill" }, found)]).toEqual([
      "exact",
      "parent",
    ]);
  });
});

describe("rateExplanation", () => {
  const told = (status: string, ...candidates: [id: string, ...synonyms: string[]][]) =>
    ({
      culprit: {
        explanation: {
          status,
          candidates: candidates.map(([id, ...synonyms]) => ({ id, synonyms: synonyms.map((one) => ({ id: one })) })),
        },
      },
    }) as unknown as Verdict;

  it.each([
    ["right", told("explained", ["scalar/Norm:3.0/add=1e-06"])],
    ["right", told("explained", ["norm/none", "scalar/Norm:3.0/add=1e-06"])],
    ["listed", told("ambiguous", ["norm/none"], ["scalar/Norm:3.0/add=1e-06"])],
    ["wrong", told("explained", ["norm/none"])],
    ["unexplained", told("pattern", ["scalar/Norm:3.0/add=1e-06"])],
  ] as const)("%s, by the ids of candidates and of their synonyms", (rated, verdict) => {
    expect(rateExplanation({ cause: "Norm.*add=1e-06" }, verdict)).toBe(rated);
  });
});
