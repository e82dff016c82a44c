import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SiteVerdict } from "../verdict/site.ts";
import { fail, notOffered, pass, siteWith } from "../verdict/test-sites.ts";
import { findCulprits, responsibleModule } from "./culprits.ts";

fc.configureGlobal({ seed: 1 });

type Told = "pass" | "fail" | "unknown";
const judgements = { pass: pass(1), fail: fail(), unknown: notOffered };

/** Sites in execution order: name, judgement of the run as a whole, local judgement. */
function run(...sites: [site: string, whole: Told, local?: Told, phase?: string][]): SiteVerdict[] {
  return sites.map(([site, whole, local, phase = "prefill"], order) =>
    siteWith({ site, phase, order, run: judgements[whole], local: local ? judgements[local] : null }),
  );
}

/** First sites of all culprits. */
function firsts(sites: SiteVerdict[]): string[] {
  return findCulprits(sites).map(({ first }) => first.site);
}

describe("without local judgements", () => {
  it("the culprit is the earliest failing site in execution order", () => {
    const statuses = fc.array(fc.constantFrom<Told>("pass", "fail", "unknown"), { minLength: 1 });
    fc.assert(
      fc.property(statuses, (all) => {
        const sites = run(...all.map((status, index): [string, Told] => [`s.${index}:out`, status]));
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
          { site: "model.layers.5.mlp:out", phase: "prefill" },
          { site: "model.layers.2.mlp:out@1", phase: "prefill" },
          { site: "model.layers.2.mlp:out", phase: "decode:1" },
        ],
      },
    ]);
  });

  it("two outputs of one module are one place", () => {
    const sites = run(["model.rotary_emb:out", "fail", "fail"], ["model.rotary_emb:out.1", "fail", "fail"]);
    expect(firsts(sites)).toEqual(["model.rotary_emb:out"]);
    expect(findCulprits(sites)[0]!.also).toEqual([{ site: "model.rotary_emb:out.1", phase: "prefill" }]);
  });

  const misshapen = fail(1, { why: { kind: "shape", expected: [1, 4], found: [1] } });

  it("what follows from another shape is no place of its own", () => {
    const sites = run(
      ["cache.0.key", "fail", "fail"],
      ["layers.1.self_attn#scores", "fail", "fail"],
      ["layers.1.self_attn#context", "fail", "fail"],
      ["layers.2.mlp:out", "fail", "fail"],
    ).map((site, place) => (place < 2 ? siteWith({ ...site, local: misshapen }) : site));
    expect(firsts(sites)).toEqual(["cache.0.key", "layers.2.mlp:out"]);
  });

  it("that all pass, there is none: what differs in the run is rounding that the model amplified", () => {
    expect(firsts(run(["a:out", "fail", "pass"], ["b:out", "fail", "pass"]))).toEqual([]);
  });

  it("a site that fails alone is one, though the run as a whole passes", () => {
    expect(firsts(run(["a:out", "pass", "fail"], ["b:out", "pass", "pass"]))).toEqual(["a:out"]);
  });

  describe("values that are not finite in the engine's run alone, though every step is right on what it got,", () => {
    const notFinite = fail(1, { why: { kind: "not finite", count: 2 } });
    const spread = (sites: SiteVerdict[]): SiteVerdict[] =>
      sites.map((site) => (site.run?.status === "fail" ? siteWith({ ...site, run: notFinite }) : site));

    it("are one culprit, where they are first seen", () => {
      const sites = run(["a:out", "pass", "pass"], ["b:out", "fail", "pass"], ["c:out", "fail", "unknown"]);
      expect(firsts(spread(sites))).toEqual(["b:out"]);
    });

    it("are none behind a step that made them", () => {
      const sites = run(["a:out", "fail", "fail"], ["b:out", "fail", "pass"]);
      expect(firsts(spread(sites))).toEqual(["a:out"]);
    });
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
