/** Verdicts for tests of the terminal. */
import type { Culprit } from "../verdict/culprit.ts";
import type { Verdict } from "../verdict/schema.ts";
import { fail, noise, pass, siteWith } from "../verdict/test-sites.ts";

/** The layer in which they lie. */
export const layer = "model.language_model.layers.5";

/** A pass. */
export const passing: Verdict = {
  schema: 2,
  case: "gemma4_unified/text",
  mode: "live",
  status: "pass",
  expectation: "pass",
  met: true,
  engine: { name: "typescript", version: "0.1.0", versions: {} },
  reference: { name: "transformers", version: "5.24.0", versions: {} },
  dtype: "float32",
  seed: 0,
  limit: 4,
  phases: ["prefill"],
  coverage: { compared: 379, total: 379, unknown: [], unexpected: [] },
  worst: { site: `${layer}:out`, phase: "prefill", ratio: 1.234 },
  culprit: null,
  culprits: [],
  sites: [],
  logits: [],
  consistency: [],
  power: null,
  config_audit: null,
  amplification: [],
  tensor_audit: null,
  error: null,
  checksums: {},
  started: "2026-01-01T00:00:00.000Z",
  seconds: 0.4321,
};

/** A fail with these culprits. */
export function failing(culprits: Culprit[], changes: Partial<Verdict> = {}): Verdict {
  const sites = [pass(), fail(), fail()].map((run, order) => siteWith({ site: "s", phase: "p", order, run }));
  return { ...passing, status: "fail", met: false, culprit: culprits[0] ?? null, culprits, sites, ...changes };
}

/** Attention scores that are far off. */
export const scores: Culprit = {
  site: `${layer}.self_attn#scores`,
  phase: "prefill",
  why: noise(1_283_183),
  where: [],
  inherited: false,
  shapes: null,
  also: [],
};
