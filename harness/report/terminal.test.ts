import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Culprit } from "../verdict/culprit.ts";
import { type Verdict } from "../verdict/schema.ts";
import { notOffered, pass, siteWith } from "../verdict/test-sites.ts";
import type { Factor } from "../verdict/culprit.ts";
import type { Judgement, SiteVerdict } from "../verdict/site.ts";
import { renderSummary, renderVerdict } from "./terminal.ts";
import { failing, layer, passing, scores } from "./test-verdict.ts";

beforeEach(() => {
  vi.stubEnv("NO_COLOR", "1");
  vi.stubEnv("FORCE_COLOR", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** The printed verdict, between lines of its own so that the snapshot shows every space. */
function printed(verdict: Verdict): string {
  return `\n${renderVerdict(verdict)}\n`;
}

describe("a verdict on the terminal", () => {
  it("that passes is one line", () => {
    expect(printed(passing)).toMatchInlineSnapshot(`
      "
       PASS  gemma4_unified/text   typescript vs transformers 5.24.0   float32   379/379 sites   worst 1.23x noise   0.4 s
      "
    `);
  });

  it("that passes though it was expected to fail says where", () => {
    expect(printed({ ...passing, expectation: { fail_at: "model.norm:out" }, met: false })).toMatchInlineSnapshot(`
      "
       PASS  gemma4_unified/text   typescript vs transformers 5.24.0   float32   379/379 sites   worst 1.23x noise   0.4 s   unexpected pass: expected to fail at model.norm:out
      "
    `);
  });

  it("against a golden says so", () => {
    expect(printed({ ...passing, mode: "golden" })).toMatchInlineSnapshot(`
      "
       PASS  gemma4_unified/text   typescript vs transformers 5.24.0   float32, golden   379/379 sites   worst 1.23x noise   0.4 s
      "
    `);
  });

  it("that fails says where, how much, how far it spreads and what becomes of the next token", () => {
    const logits = [
      { phase: "prefill", mean_kl: 0.1, max_kl: 1, top1: 17, rows: 19, margin: 0.5 },
      { phase: "decode:1", mean_kl: 0, max_kl: 0, top1: 1, rows: 1, margin: null },
    ];
    expect(printed(failing([scores], { logits }))).toMatchInlineSnapshot(`
      "
       FAIL  gemma4_unified/text   typescript vs transformers 5.24.0   float32   379/379 sites   worst 1.23x noise   0.4 s
         model.language_model.layers.5.self_attn#scores   in prefill
           1,283,183x noise
           2 of 3 sites differ from there on (errors accumulate)
           the next token changes in prefill (2 of 19 rows)
      "
    `);
  });

  it("with several culprits spells out four", () => {
    const culprits = [1, 2, 3, 4, 5, 6].map((number) => ({ ...scores, site: `place.${number}` }));
    culprits[0]!.also = Array.from({ length: 10 }, (_, index) => ({ site: "place.1", phase: `decode:${index}` }));
    const phases = ["prefill", ...culprits[0]!.also.map(({ phase }) => phase)];
    expect(printed(failing(culprits, { phases }))).toMatchInlineSnapshot(`
      "
       FAIL  gemma4_unified/text   typescript vs transformers 5.24.0   float32   379/379 sites   worst 1.23x noise   0.4 s
         place.1   in prefill
           1,283,183x noise
         also    the same, in all phases
         place.2   in prefill
           1,283,183x noise
         place.3   in prefill
           1,283,183x noise
         place.4   in prefill
           1,283,183x noise
         and 2 more places that are wrong on their own: see --json or the report
           2 of 3 sites differ from there on (errors accumulate)
      "
    `);
  });

  it("of the case that started the project reads as in the design", () => {
    const site = `${layer}.self_attn.o_proj:in`;
    const field = (name: string, value: number): Factor => ({ value, field: name, over: null });
    const heads = field("num_attention_heads", 16);
    const culprit: Culprit = {
      ...scores,
      site,
      phase: "shapes",
      why: { kind: "shape", expected: [1, 19, 8192], found: [1, 19, 4096] },
      shapes: {
        expected: [1, "s", 8192],
        found: [1, "s", 4096],
        expected_sizes: [{ size: 8192, factors: [heads, field("global_head_dim", 512)] }],
        found_sizes: [{ size: 4096, factors: [heads, field("head_dim", 256)] }],
        causes: [
          {
            kind: "replaced field",
            holds: true,
            expected: field("global_head_dim", 512),
            found: field("head_dim", 256),
            layers: [5, 11, 17],
            layer_count: 48,
            layer_kind: "full_attention",
            never_read: ["per_layer_config[5].head_dim"],
            reference_scope: "self_attn",
            engine_scope: "attention",
            first_seen: null,
          },
          { kind: "concatenation", holds: false, copies: 2, size: 4096, sites: [], fields: [] },
        ],
      },
      also: [11, 17].map((other) => ({
        site: `model.language_model.layers.${other}.self_attn.o_proj:in`,
        phase: "shapes",
      })),
    };
    const verdict = failing([culprit], {
      case: "gemma4_unified/12b",
      mode: "shapes",
      expectation: { fail_at: site },
      met: true,
      worst: null,
      coverage: { compared: 17, total: 561, unknown: ["many"], unexpected: [] },
      engine: { name: "generic", version: "1", versions: {}, fault: "oneHeadDimForEveryLayer" },
    });
    expect(printed(verdict)).toMatchInlineSnapshot(`
      "
       FAIL  gemma4_unified/12b   generic with oneHeadDimForEveryLayer vs transformers 5.24.0   shapes only   17/561 sites before the stop   0.4 s   expected failure
         model.language_model.layers.5.self_attn.o_proj:in
           expected [1, s, 8192]   8192 = num_attention_heads 16 x global_head_dim 512
           found    [1, s, 4096]   4096 = num_attention_heads 16 x head_dim 256
         cause  global_head_dim 512 expected, the engine used head_dim 256
                layers 5, 11, 17 are full_attention
                the engine used head_dim 256 for all 48 layers
                the reference reads per_layer_config[5].head_dim in self_attn, the engine's attention never does
         not    2 streams of 4096 should have been concatenated
                no site of the reference's layer and no config field has the size 4096: there is nothing to concatenate
         also    the same in layers 11, 17
      "
    `);
  });

  it("of an engine that broke has its message, what to do, and its last words", () => {
    const error = {
      kind: "engine" as const,
      message: "python serve.py: ended with exit code 1",
      remedy: "pip install torch",
      stderr_tail: ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'torch'"],
    };
    const broken: Verdict = {
      ...passing,
      status: "error",
      met: false,
      error,
      worst: null,
      coverage: { compared: 0, total: 0, unknown: [], unexpected: [] },
    };
    expect(printed(broken)).toMatchInlineSnapshot(`
      "
       ERROR gemma4_unified/text   typescript vs transformers 5.24.0   float32   0.4 s
         python serve.py: ended with exit code 1
         do     pip install torch
         | Traceback (most recent call last):
         | ModuleNotFoundError: No module named 'torch'
      "
    `);
  });

  it("that could not be judged names what the engine does not offer", () => {
    const unknown = Array.from({ length: 9 }, (_, index) => `model.layers.${index}:out`);
    const coverage = { compared: 370, total: 379, unknown, unexpected: [] };
    expect(printed({ ...passing, status: "unknown", met: false, coverage })).toMatchInlineSnapshot(`
      "
       ????  gemma4_unified/text   typescript vs transformers 5.24.0   float32   370/379 sites   worst 1.23x noise   0.4 s
         not judged, the engine does not offer it: model.layers.*:out
      "
    `);
  });

  it("that could not be judged groups by reason, and names phases that can't be run", () => {
    const noCache: Judgement = {
      status: "unknown",
      why: { kind: "phase impossible", lacks: "cache", before: null },
    };
    const of = (site: string, phase: string, run: Judgement): SiteVerdict => siteWith({ site, phase, run });
    const names = ["model.layers.0:out", "model.layers.1:out", "logits"];
    const sites = [
      ...names.map((site) => of(site, "prefill", pass())),
      ...["decode:1", "decode:2"].flatMap((phase) => names.map((site) => of(site, phase, noCache))),
      of("model.layers.0#mask", "prefill", notOffered),
    ];
    const coverage = { compared: 3, total: 10, unknown: [...names, "model.layers.0#mask"], unexpected: [] };
    expect(printed({ ...passing, status: "unknown", met: false, sites, coverage })).toMatchInlineSnapshot(`
      "
       ????  gemma4_unified/text   typescript vs transformers 5.24.0   float32   3/10 sites   worst 1.23x noise   0.4 s
         not judged, the engine keeps no cache between phases (capability cache): decode:1 (3 sites), decode:2 (3 sites)
         not judged, the engine does not offer it: model.layers.*#mask
      "
    `);
  });

  it("names tensors, sites and config fields that do not agree, and who disagrees with itself", () => {
    const verdict = failing([], {
      coverage: { compared: 3, total: 3, unknown: [], unexpected: ["extra:out"] },
      consistency: [
        { engine: "engine", status: "fail", compared: 8, worst: { site: "logits", phase: "decode:2", ratio: 812.4 } },
        { engine: "reference", status: "pass", compared: 8, worst: { site: "logits", phase: "decode:2", ratio: 1 } },
      ],
      tensor_audit: {
        compared: 2,
        missing: ["q_norm.weight"],
        unexpected: ["q_proj.bias"],
        different: [
          { name: "embed", expected: { shape: [193, 40], tied_to: null }, found: { shape: [40, 193], tied_to: null } },
        ],
        values: {
          compared: 2,
          different: [
            { name: "gate.bias", dtype: "F32", count: 8, of: 8, relative: 0.0021, rounded_to: "BF16" },
            { name: "huge", dtype: "F32", count: null, of: null, relative: null, rounded_to: null },
          ],
        },
      },
      config_audit: { never_read_by_engine: ["global_head_dim"], never_read_by_reference: [] },
    });
    expect(printed(verdict)).toMatchInlineSnapshot(`
      "
       FAIL  gemma4_unified/text   typescript vs transformers 5.24.0   float32   3/3 sites   worst 1.23x noise   0.4 s
         engine disagrees with itself: logits in decode:2 is 812x noise from the full forward
         the engine lacks tensors: q_norm.weight
         the engine has tensors that the reference lacks: q_proj.bias
         the engine has other tensors: embed [40, 193], expected [193, 40]
         the engine has other numbers in: gate.bias (8 of 8 differ, by 0.21 %: the reference's rounded to bfloat16), huge
         sites that the reference lacks: extra:out
         config fields the engine never reads: global_head_dim
      "
    `);
  });
});

describe("power on the terminal", () => {
  const power = { seen: 427, total: 428, holes: [] };

  it("is on the line of a pass, and 100 % only when nothing is missed", () => {
    expect(renderVerdict({ ...passing, power })).toContain("   worst 1.23x noise   power 99 % (427 of 428)   0.4 s");
    expect(renderVerdict({ ...passing, power: { ...power, seen: 428 } })).toContain("power 100 % (428 of 428)");
  });

  it("is on no other line", () => {
    expect(renderVerdict({ ...passing, power: null })).not.toContain("power");
    expect(renderVerdict(failing([scores], { power }))).not.toContain("power");
  });
});

describe("the summary", () => {
  const fault = { expectation: { fail_at: "x" } } as const;
  const error = { ...passing, status: "error", met: false } as const;

  it.each<[string, Verdict[]]>([
    ["ok   2 pass   758/758 sites   1.3 s", [passing, passing]],
    ["ok   1 pass, 1 expected failure   758/758 sites   1.3 s", [passing, failing([], { ...fault, met: true })]],
    ["not ok   1 pass, 1 fail   758/758 sites   1.3 s", [passing, failing([])]],
    ["not ok   1 unknown   379/379 sites   1.3 s", [{ ...passing, status: "unknown", met: false }]],
    ["not ok   1 pass, 1 error   758/758 sites   1.3 s", [passing, error]],
    ["not ok   1 fail   379/379 sites   1.3 s", [failing([], { ...fault, met: false })]],
    ["not ok   1 unexpected pass   379/379 sites   1.3 s", [{ ...passing, ...fault, met: false }]],
    ["not ok   no cases   0/0 sites   1.3 s", []],
  ])("%s", (line, verdicts) => {
    expect(renderSummary(verdicts, 1.26)).toBe(line);
  });
});

describe("colours", () => {
  const escape = String.fromCharCode(27);

  it("are used when they are forced", () => {
    vi.stubEnv("NO_COLOR", undefined);
    vi.stubEnv("FORCE_COLOR", "1");
    expect(renderVerdict(passing)).toContain(`${escape}[32m PASS ${escape}[39m`);
  });

  it("are green where a failure was expected, red where it was not", () => {
    vi.stubEnv("NO_COLOR", undefined);
    vi.stubEnv("FORCE_COLOR", "1");
    const [expected, not] = [true, false].map((met) =>
      renderVerdict(failing([], { expectation: { fail_at: "x" }, met })),
    );
    expect([expected!.slice(0, 5), not!.slice(0, 5)]).toEqual([`${escape}[32m`, `${escape}[31m`]);
  });

  it("are not used with NO_COLOR", () => {
    expect(renderVerdict(failing([scores]))).not.toContain(escape);
  });
});
