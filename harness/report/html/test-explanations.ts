/** Explanations and power for the tests of the page: made up, but worded as runs give them. */
import { counterfactual, type Counterfactual, type Explanation, type Power } from "../../verdict/explanation.ts";
import { type Culprit } from "../../verdict/culprit.ts";
import { type Picture } from "../../verdict/site.ts";
import { type Verdict } from "../../verdict/schema.ts";
import { liveVerdict } from "./test-verdicts.ts";
import { siteOf } from "../../verdict/deciding.ts";
import { isCapped } from "../../verdict/numbers.ts";
import { noise } from "../../verdict/test-sites.ts";

const layer = "model.language_model.layers";

const eps = counterfactual.parse({
  id: "scalar/Gemma4UnifiedRMSNorm:166.0/add=1e-06",
  category: "norm-eps",
  sentence: "the number in `add` is 1e-06, the reference has 0.001 (eps)",
  source: "modeling_gemma4_unified.py:166: mean_squared = hidden_states.pow(2).mean(-1, keepdim=True) + self.eps",
  ratio: 0.72,
  phases: ["prefill", "chunk:1", "decode:1"],
  not_in: [],
});
const outside: Counterfactual = {
  ...eps,
  synonyms: ["an RMS norm in another order of `mul` and `rsqrt`"],
  id: "norm/outside",
  category: "norm",
  sentence: "an RMS norm with eps outside the root in place of an RMS norm",
  ratio: 0.96,
};
const perToken: Counterfactual = {
  ...eps,
  id: "error/rows",
  category: "pattern",
  sentence: "each token multiplied by a factor of its own (1.02, 0.98, 1.01, ...)",
  source: "",
  ratio: 0.8,
};
const inDecode: Counterfactual = {
  ...eps,
  id: "scalar/Gemma4UnifiedTextAttention:134.0/mul=0.2673",
  category: "scalar",
  sentence: "the number in `mul` is 0.267261 (1/sqrt(text_config.head_dim 14)), the reference has 1",
  source: "attention: mul",
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
        { ...outside, id: "norm/outside [head 0]" },
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
        sentence: "the number in `add` is 1e-06, the reference has 1e-05 (eps)",
        reason: "2.1x noise, below the limit of 4: activations with a smaller rms would show it",
      })),
      ...holes("mask", 6, (index) => ({
        site: `${layer}.${index}.self_attn#mask`,
        sentence: "the mask has a window of 8 keys (no window in the reference)",
        reason: "no phase has more than 8 tokens: a longer prompt would show it",
      })),
      ...holes("activation", 2, (index) => ({
        site: `${layer}.${index}.mlp.act_fn:out`,
        sentence: "GELU (tanh) with its constants as 0.798 and 0.044715",
        reason: "1.3x noise, below the limit of 4",
      })),
    ],
  };
}
