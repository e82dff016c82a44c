/** Explanations and power for the tests of the page: made up, but worded as runs give them. */
import type { ChangeOf } from "../../verdict/change.ts";
import { type Counterfactual, type Explanation, type Power } from "../../verdict/explanation.ts";
import { type Culprit } from "../../verdict/culprit.ts";
import { type Picture } from "../../verdict/site.ts";
import { type Verdict } from "../../verdict/schema.ts";
import { eps as changedEps, outside as changedNorm, perToken as factorPerToken } from "../test-counterfactuals.ts";
import { liveVerdict } from "./test-verdicts.ts";
import { siteOf } from "../../verdict/deciding.ts";
import { isCapped } from "../../verdict/numbers.ts";
import { noise } from "../../verdict/test-sites.ts";

const causal: ChangeOf<"mask rule">["found"] = {
  keys: "up to the query",
  ...{ window: 0, symmetric: false, block_in_window: false, padding: true, shift: 0, chunk: 0, past: true },
  blocks: "none",
};

const layer = "model.language_model.layers";

const eps: Counterfactual = { ...changedEps, ratio: 0.72, phases: ["prefill", "chunk:1", "decode:1"] };
const outside: Counterfactual = {
  ...changedNorm,
  ...{ phases: eps.phases, ratio: 0.96 },
  synonyms: [
    {
      id: "operation/rsqrt",
      category: "operation",
      changes: [{ kind: "left out", operation: "rsqrt" }],
      part: null,
    },
  ],
};
const perToken: Counterfactual = { ...factorPerToken, ...{ phases: eps.phases, ratio: 0.8 } };
const inDecode: Counterfactual = {
  ...eps,
  id: "scalar/Gemma4UnifiedTextAttention:134.0/mul=0.2673",
  category: "scalar",
  changes: [
    {
      kind: "number",
      operations: ["mul"],
      expected: { value: 1, name: null },
      found: {
        value: 1 / Math.sqrt(14),
        name: { kind: "field", path: "text_config.head_dim", value: 14, power: -0.5 },
      },
    },
  ],
  sources: [{ file: "lockstep_reference/attention.py", line: 34, text: "scores = query @ key.mT * scaling" }],
  ratio: 1.1,
  phases: ["decode:1"],
  not_in: ["prefill"],
};

function explanation(status: Explanation["status"], candidates: Counterfactual[], ratio = 1_283_183): Explanation {
  return { status, tried: 621, ratio, candidates, seconds: 1.13 };
}

/** A case whose first culprit has one cause, in decode only. */
export function explainedVerdict(): Verdict {
  return withCulprits("gemma4_unified/decode-scale", [explanation("explained", [inDecode])]);
}

/** A case with four independent culprits: ambiguous, a mere form, unexplained, and explained with lesser candidates. */
export function unsolvedVerdict(): Verdict {
  return withCulprits("gemma4_unified/four-faults", [
    explanation("ambiguous", [eps, outside, perToken], 433.9),
    explanation("pattern", [perToken], 5210),
    explanation("unexplained", [], 88_120),
    explanation(
      "explained",
      [
        { ...eps, ratio: 0 },
        {
          ...outside,
          id: "norm/outside [head 0]",
          part: [{ axis: { name: "head", index: 1, size: 4 }, ranges: [[0, 0]] }],
        },
      ],
      1e30,
    ),
  ]);
}

function withCulprits(name: string, explanations: readonly Explanation[]): Verdict {
  const fault = { site: `${layer}.3.self_attn#scores`, ratio: 1_283_183 };
  const made = liveVerdict({ name, seed: 5, fault });
  const culprits = explanations.map((one, index): Culprit => ({
    site: `${layer}.${3 + index}.self_attn#scores`,
    phase: "prefill",
    why: isCapped(one.ratio) ? { kind: "not exact", first: null, count: null, of: 24 } : noise(one.ratio),
    where: [
      { axis: "head", size: 6, count: 1, first: 2, last: 2, step: 1 },
      { axis: "token", size: 24, count: 16, first: 8, last: 23, step: 1 },
    ],
    inherited: false,
    shapes: null,
    also: index === 0 ? [{ site: `${layer}.3.self_attn#scores`, phase: "decode:1" }] : [],
    explanation: one,
  }));
  const sites = made.sites.map((site) => {
    const isCulprit = site.phase === "prefill" && culprits.some((culprit) => culprit.site === site.site);
    if (!isCulprit) return site;
    const detail = { worst_elements: [], histogram: [3, 4, 9, 14], where: [], picture: samplePicture() };
    return siteOf({ ...site, local: { status: "fail", why: noise(), detail } });
  });
  return { ...made, culprit: culprits[0] ?? null, culprits, sites };
}

/** 6 heads by 24 tokens, of which head 2 is wrong from token 8 on. */
function samplePicture(): Picture {
  const [rows, columns] = [
    { name: "head", size: 6, cells: 6 },
    { name: "token", size: 24, cells: 24 },
  ];
  const cells = Array.from({ length: 144 }, (_, cell) => ({ head: Math.floor(cell / 24), token: cell % 24 }));
  const isWrong = ({ head, token }: (typeof cells)[number]) => head === 2 && token >= 8;
  const expected = cells.map(({ head, token }) => 1 + head / 6 + (token % 5) / 10);
  return {
    rows,
    columns,
    expected,
    found: cells.map((cell, index) => (isWrong(cell) ? expected[index]! / 2 : expected[index]!)),
    error: cells.map((cell) => (isWrong(cell) ? 900_000 : 0.9)),
  };
}

/** 411 of 428, with seventeen holes in three categories. */
export function samplePower(): Power {
  const holes = (category: string, count: number, of: (index: number) => Omit<Power["holes"][number], "category">) =>
    Array.from({ length: count }, (_, index) => ({ category, ...of(index) }));
  return {
    seen: 411,
    total: 428,
    holes: [
      ...holes("norm-eps", 9, (index) => ({
        site: `${layer}.${index}.input_layernorm:out`,
        id: eps.id,
        changes: eps.changes,
        part: null,
        reason: { kind: "below rounding", ratio: 2.1 },
      })),
      ...holes("mask", 6, (index) => ({
        site: `${layer}.${index}.self_attn#mask`,
        id: "mask/window 0 -> 8",
        changes: [{ kind: "mask rule", expected: causal, found: { ...causal, window: 8 } }],
        part: null,
        reason: { kind: "inputs lack", what: "window", longest: 8 },
      })),
      ...holes("activation", 2, (index) => ({
        site: `${layer}.${index}.mlp.act_fn:out`,
        id: "operation/gelu",
        changes: [{ kind: "activation constants", expected: "gelu_tanh", root: 0.798, cube: 0.044715 }],
        part: null,
        reason: { kind: "below rounding", ratio: 1.3 },
      })),
    ],
  };
}
