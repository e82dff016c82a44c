import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SiteVerdict, Status } from "../verdict/schema.ts";
import { findCulprits, responsibleModule } from "./culprits.ts";

fc.configureGlobal({ seed: 1 });

/** Sites in execution order: name, judgement of the run as a whole, local judgement. */
function run(...sites: [site: string, status: Status, local?: Status, phase?: string][]): SiteVerdict[] {
  return sites.map(([site, status, local, phase = "prefill"], order) => ({
    site,
    phase,
    order,
    status,
    ...(local && { local_status: local }),
  }));
}

/** First sites of all culprits. */
function firsts(sites: SiteVerdict[]): string[] {
  return findCulprits(sites).map(({ first }) => first.site);
}

describe("without local judgements", () => {
  it("the culprit is the earliest failing site in execution order", () => {
    const statuses = fc.array(fc.constantFrom<Status>("pass", "fail", "unknown", "error"), { minLength: 1 });
    fc.assert(
      fc.property(statuses, (all) => {
        const sites = run(...all.map((status, index): [string, Status] => [`s.${index}:out`, status]));
        const shuffled = sites.toSorted((a, b) => ((a.order * 7919) % 31) - ((b.order * 7919) % 31));
        const first = all.indexOf("fail");
        expect(firsts(shuffled)).toEqual(first < 0 ? [] : [`s.${first}:out`]);
      }),
    );
  });
});

describe("with local judgements", () => {
  it("the culprit is the site that fails on the engine's own input, not the earlier one that only differs", () => {
    const sites = run(["a:out", "fail", "pass"], ["b:out", "fail", "fail"], ["c:out", "fail", "pass"]);
    expect(firsts(sites)).toEqual(["b:out"]);
  });

  it("two independent faults are two culprits, in execution order", () => {
    const sites = run(["a:out", "fail", "fail"], ["b:out", "fail", "pass"], ["c:out", "fail", "fail"]);
    expect(firsts(sites)).toEqual(["a:out", "c:out"]);
  });

  it("one place in several layers, phases and calls is one culprit with the others beside it", () => {
    const sites = run(
      ["model.layers.2.mlp:out", "fail", "fail"],
      ["model.layers.5.mlp:out", "fail", "fail"],
      ["model.layers.2.mlp:out@1", "fail", "fail"],
      ["model.layers.2.mlp:out", "fail", "fail", "decode:1"],
    );
    expect(findCulprits(sites)).toEqual([
      {
        first: sites[0],
        also: [
          "model.layers.5.mlp:out in prefill",
          "model.layers.2.mlp:out@1 in prefill",
          "model.layers.2.mlp:out in decode:1",
        ],
      },
    ]);
  });

  it("two outputs of one module are one place", () => {
    const sites = run(["model.rotary_emb:out", "fail", "fail"], ["model.rotary_emb:out.1", "fail", "fail"]);
    expect(firsts(sites)).toEqual(["model.rotary_emb:out"]);
    expect(findCulprits(sites)[0]!.also).toEqual(["model.rotary_emb:out.1 in prefill"]);
  });

  it("what follows from another shape is no place of its own", () => {
    const sites = run(
      ["cache.0.key", "fail", "fail"],
      ["layers.1.self_attn#scores", "fail", "fail"],
      ["layers.1.self_attn#context", "fail", "fail"],
      ["layers.2.mlp:out", "fail", "fail"],
    ).map((site, place) => (place < 2 ? { ...site, found_shape: [1] } : site));
    expect(firsts(sites)).toEqual(["cache.0.key", "layers.2.mlp:out"]);
  });

  it("that all pass, the earliest failing site is left: an input that was wrong", () => {
    expect(firsts(run(["a:out", "fail", "pass"], ["b:out", "fail", "pass"]))).toEqual(["a:out"]);
  });

  it("a site whose run as a whole passes is no culprit", () => {
    expect(firsts(run(["a:out", "pass", "fail"], ["b:out", "pass", "pass"]))).toEqual([]);
  });
});

describe("responsibleModule", () => {
  it.each([
    ["model.layers.5.self_attn.o_proj:in", "model.layers.5.self_attn"],
    ["model.layers.5.self_attn.o_proj:out", "model.layers.5.self_attn.o_proj"],
    ["model.layers.5.self_attn#q_rope", "model.layers.5.self_attn"],
    ["model:in", ""],
    ["logits", "logits"],
  ])("of %s is %s", (site, module) => {
    expect(responsibleModule(site)).toBe(module);
  });
});
