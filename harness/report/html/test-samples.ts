/** One verdict of every kind that the page shows, that of the case that started lockstep among them. */
import { siteOf } from "../../verdict/deciding.ts";
import type { Verdict } from "../../verdict/schema.ts";
import type { SiteVerdict } from "../../verdict/site.ts";
import { model, modelSites } from "./test-sites.ts";
import { common, complete, errorVerdict, liveVerdict, unknownVerdict } from "./test-verdicts.ts";

const field = (name: string, value: number) => ({ value, field: name, over: null });
const heads = field("num_attention_heads", 16);

/** The case that started lockstep: shapes only, the engine gave every layer the sliding layers' head_dim. */
export function seedVerdict(): Verdict {
  const names = modelSites(48).filter((site) => /:(in|out)$/.test(site));
  const wrong = [5, 11, 17, 23, 29, 35, 41, 47].map((layer) => `${model}.layers.${layer}.self_attn.o_proj:in`);
  const stop = names.indexOf(`${model}.layers.5.self_attn.o_proj:in`);
  const wrongShape = { kind: "shape" as const, expected: [1, 24, 8192], found: [1, 24, 4096] };
  const site = (name: string, order: number, isWrong: boolean): SiteVerdict =>
    siteOf({
      site: name,
      phase: "shapes",
      order,
      expected: { shape: [1, 24, isWrong ? 8192 : 3840], dtype: "BF16" },
      run: isWrong ? { status: "fail", why: wrongShape } : { status: "pass" },
      local: null,
    });
  const sites = [
    ...names.slice(0, stop).map((name, order) => site(name, order, false)),
    ...wrong.map((name, index) => site(name, stop + index, true)),
  ];
  const found = new Set(sites.map((one) => one.site));
  return complete({
    ...common,
    case: "gemma4_unified/12b",
    mode: "shapes",
    status: "fail",
    expectation: { fail_at: `${model}.layers.5.self_attn.o_proj:in` },
    met: true,
    engine: { name: "generic", version: "0.27.1", fault: "uniform_head_dim" },
    dtype: "bfloat16",
    phases: ["shapes"],
    coverage: {
      compared: sites.length,
      total: names.length,
      unknown: names.filter((name) => !found.has(name)),
      unexpected: [],
    },
    worst: null,
    culprit: {
      site: `${model}.layers.5.self_attn.o_proj:in`,
      phase: "shapes",
      why: wrongShape,
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
            layers: [5, 11, 17, 23, 29, 35, 41, 47],
            layer_count: 48,
            layer_kind: "full_attention",
            never_read: ["global_head_dim"],
            reference_scope: `${model}.layers.5.self_attn`,
            engine_scope: "layers[5].attention",
            first_seen: null,
          },
          { kind: "concatenation", holds: false, copies: 2, size: 4096, sites: [], fields: [] },
        ],
      },
      also: wrong.slice(1).map((place) => ({ site: place, phase: "shapes" })),
    },
    sites,
    logits: [],
    consistency: [],
    config_audit: {
      never_read_by_engine: ["global_head_dim", "num_global_key_value_heads"],
      never_read_by_reference: [],
      at_culprit: {
        scope: `${model}.layers.5.self_attn`,
        engine_scope: "layers[5].attention",
        reference_only: ["global_head_dim"],
        engine_reads: ["head_dim", "num_attention_heads"],
      },
    },
    tensor_audit: null,
    error: null,
    seconds: 1.6,
  });
}

/** Returns verdicts of every kind that the page shows. */
export function sampleVerdicts(): Verdict[] {
  return [
    liveVerdict(),
    liveVerdict({
      name: "gemma4_unified/attention-scale",
      seed: 3,
      fault: { site: `${model}.layers.5.self_attn#scores`, ratio: 1_283_183 },
    }),
    seedVerdict(),
    errorVerdict(),
    unknownVerdict(),
  ];
}
