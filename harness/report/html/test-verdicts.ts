/** Verdicts for the tests of the page: made up, but shaped as runs of a nine-layer gemma4_unified give them. */
import type { z } from "zod";
import { verdict as verdictSchema, type Verdict } from "../../verdict/schema.ts";
import { siteOf } from "../../verdict/deciding.ts";
import type { Distance, Judgement, SiteVerdict } from "../../verdict/site.ts";
import { noise } from "../../verdict/test-sites.ts";
import { model, modelSites } from "./test-sites.ts";

/** A small deterministic generator of numbers in [0, 1). */
function drawer(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A distance with rows and columns around it. */
function distanceOf(ratio: number, draw: () => number): Distance {
  const unit = 1e-8 * (1 + 9 * draw());
  const row = Math.floor(24 * draw());
  const column = 48 * Math.floor(10 * draw() ** 2); // outlier channels
  return {
    ratio,
    worst_row: { index: row, ratio: ratio * (1.1 + 0.4 * draw()) },
    worst_column: { index: column, ratio: ratio * (1.2 + 0.9 * draw()) },
    error: ratio * unit,
    noise: unit,
    rms: 0.4 + draw(),
    max_error: ratio * unit * (3 + 2 * draw()),
  };
}

const shapes: Readonly<Record<string, readonly number[]>> = {
  scores: [2, 6, 24, 24],
  probs: [2, 6, 24, 24],
  mask: [2, 1, 24, 24],
  context: [2, 24, 6, 40],
  logits: [2, 24, 1031],
};

/** Options of a made-up case. */
export interface LiveOptions {
  readonly name?: string;
  readonly layers?: number;
  readonly phases?: readonly string[];
  readonly seed?: number;
  /** The site at which an error of this many noise units begins. */
  readonly fault?: { readonly site: string; readonly ratio: number };
}

function liveSite(site: string, order: number, phase: string, draw: () => number): SiteVerdict {
  const shape = shapes[/[#]?(\w+)$/.exec(site)?.[1] ?? ""] ?? [2, 24, 480];
  const expected = { shape: [...shape], dtype: site.endsWith("mask") ? "BOOL" : "F32" };
  const base = { site, phase, order, expected };
  const isExact = /mask|position_ids|embed_tokens:in/.test(site);
  if (isExact) return siteOf({ ...base, run: { status: "pass" }, local: null });
  const layer = Number(/layers\.(\d+)/.exec(site)?.[1] ?? 0);
  const whole = distanceOf(0.55 + 0.05 * layer + 0.5 * draw(), draw);
  const alone = { ...distanceOf(0.5 + 0.45 * draw(), draw), rms: whole.rms };
  return siteOf({
    ...base,
    run: { status: "pass", distance: whole },
    local: { status: "pass", distance: alone },
  });
}

function withFault(sites: SiteVerdict[], fault: NonNullable<LiveOptions["fault"]>, draw: () => number): SiteVerdict[] {
  const starts = new Set<string>();
  return sites.map((site): SiteVerdict => {
    const isCulprit = site.site === fault.site;
    if (isCulprit) starts.add(site.phase);
    if (!starts.has(site.phase) || !site.local || /cache\.[0-4]\./.test(site.site)) return site;
    const ratio = fault.ratio * (isCulprit ? 1 : (0.02 + draw() ** 3) * (site.site.includes("norm") ? 0.3 : 1));
    const distance = distanceOf(ratio, draw);
    const run: Judgement = ratio > 4 ? { status: "fail", why: noise(ratio), distance } : { status: "pass", distance };
    if (!isCulprit) return siteOf({ ...site, run });
    const local: Judgement = {
      status: "fail",
      why: noise(ratio),
      distance: distanceOf(ratio, draw),
      detail: {
        worst_elements: Array.from({ length: 8 }, (_, index) => ({
          index: [index % 2, 3 * index, 17 * index],
          found: index === 5 ? ("NaN" as const) : Number((0.7312 + index).toFixed(4)),
          expected: Number((0.4127 + index * 1.31).toFixed(4)),
        })),
        where: [],
        histogram: [3, 4, 9, 14, 30, 71, 160, 320, 711, 1500, 2900, 4100, 5200, 4800, 2500, 640, 70, 8],
      },
    };
    return siteOf({ ...site, run, local });
  });
}

/** A passing run has no second look, so no local errors. */
function withoutLocal(site: SiteVerdict): SiteVerdict {
  return siteOf({ ...site, local: null });
}

/** What all of them share. */
export const common = {
  schema: 2 as const,
  engine: { name: "typescript", version: "0.1.0", versions: { node: "24.21.0" } },
  reference: { name: "transformers", version: "5.24.0", versions: { python: "3.13.5", torch: "2.13.0" } },
  dtype: "float32",
  seed: 7,
  limit: 4,
  checksums: {
    config: "9f2c5b0e6f7f0d5b7b0d6c8f7f3a1f4a2ce9f0f4f1b8dc2bfa5a7bb3f0f3e9c1",
    weights: "1d1c64a0c29eb3b78a2c4d0a6c1f75c7f2c8c1a9a0a2cf3e34e0e41f3f0c7a55",
    inputs: "77ab0a5be7c8aa12d9e8ce23b5ddc9a8be0c2b7d5c9f5bb0c2a3e8e37f4b1c02",
  },
  started: "2026-11-24T19:08:25.000Z",
};

/** The verdict that the schema makes of `facts`, whose only culprit is its first one. */
export function complete(facts: Omit<z.input<typeof verdictSchema>, "culprits">): Verdict {
  return verdictSchema.parse({ ...facts, culprits: facts.culprit ? [facts.culprit] : [] });
}

/** A live case; with a fault it fails, and the culprit explains an attention scale. */
export function liveVerdict(options: LiveOptions = {}): Verdict {
  const {
    name = "gemma4_unified/tiny",
    layers = 9,
    phases = ["prefill", "chunk:1", "decode:1"],
    seed = 1,
    fault,
  } = options;
  const draw = drawer(seed);
  const names = modelSites(layers);
  const healthy = phases.flatMap((phase, turn) =>
    names.map((site, at) => liveSite(site, turn * names.length + at, phase, draw)),
  );
  const sites = fault ? withFault(healthy, fault, draw) : healthy.map(withoutLocal);
  const worst = sites.reduce<Verdict["worst"]>((high, { site, phase, run }) => {
    const distance = run?.status === "unknown" ? undefined : run?.distance;
    if (!distance || (high && high.ratio >= distance.ratio)) return high;
    return { site, phase, ratio: distance.ratio };
  }, null);
  return complete({
    ...common,
    case: name,
    mode: "live",
    status: fault ? "fail" : "pass",
    expectation: "pass",
    met: !fault,
    phases: [...phases],
    coverage: { compared: sites.length, total: sites.length, unknown: [], unexpected: [] },
    worst,
    culprit: fault
      ? {
          site: fault.site,
          phase: phases[0] ?? "prefill",
          why: noise(fault.ratio),
          where: [{ axis: "head", size: 6, count: 1, first: 2, last: 2, step: 1 }],
        }
      : null,
    sites,
    logits: phases.map((phase) => ({
      phase,
      mean_kl: fault ? 0.0312 : 2.1e-13,
      max_kl: fault ? 0.41 : 9e-13,
      top1: fault ? 43 : 48,
      rows: 48,
      margin: fault ? 0.021 : null,
    })),
    consistency: [
      {
        engine: "typescript",
        status: "pass",
        compared: 2 * names.length,
        worst: { site: `${model}.layers.3.mlp.down_proj:out`, phase: "decode:1", ratio: 1.31 },
      },
      {
        engine: "transformers",
        status: "pass",
        compared: 2 * names.length,
        worst: { site: `${model}.layers.7.self_attn#context`, phase: "chunk:1", ratio: 1.08 },
      },
    ],
    config_audit: { never_read_by_engine: fault ? ["query_pre_attn_scalar"] : [], never_read_by_reference: [] },
    tensor_audit: { compared: 131, missing: [], unexpected: [], different: [], values: null },
    error: null,
    seconds: 3.42,
  });
}

/** An engine that died at start-up. */
export function errorVerdict(): Verdict {
  return {
    ...liveVerdict({ name: "qwen3_moe/tiny" }),
    status: "error",
    met: false,
    sites: [],
    worst: null,
    logits: [],
    consistency: [],
    config_audit: null,
    tensor_audit: null,
    coverage: { compared: 0, total: 611, unknown: [], unexpected: [] },
    error: {
      kind: "engine",
      message: "The engine ended with exit code 1 during load, before it answered.",
      remedy: "Run the command by itself to see the whole output: lockstep engines check -- python -m engine",
      stderr_tail: [
        "Traceback (most recent call last):",
        '  File "engine/models/qwen3_moe.py", line 88, in load',
        "    experts = config.num_experts_per_tok",
        "AttributeError: 'Config' object has no attribute 'num_experts_per_tok'",
      ],
    },
    seconds: 0.61,
  };
}

/** A case that could not be judged: the engine offers a quarter of the sites, all of them equal. */
export function unknownVerdict(): Verdict {
  const whole = liveVerdict({ name: "llama/golden", phases: ["prefill"] });
  const sites = whole.sites.filter((site) => /layers\.\d+:out|logits/.test(site.site));
  const offered = new Set(sites.map((one) => one.site));
  const unknown = whole.sites.map((site) => site.site).filter((site) => !offered.has(site));
  return {
    ...whole,
    mode: "golden",
    status: "unknown",
    met: false,
    sites,
    coverage: { ...whole.coverage, compared: sites.length, unknown },
  };
}
