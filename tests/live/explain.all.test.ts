/**
 * Causes: a planted fault is not only located, the verdict says what the engine does instead, and how near the
 * reference comes to the engine with that one change.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Culprit } from "../../harness/verdict/culprit.ts";
import type { Explanation } from "../../harness/verdict/explanation.ts";
import type { Verdict } from "../../harness/verdict/schema.ts";
import { changeText } from "../../harness/verdict/words/change.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { loadCases, selectCases, standardFolders } from "../../harness/case/discover.ts";
import { plant } from "../../harness/selftest/faults.ts";
import { loadFaults, selectFaults } from "../../harness/engine/faults.ts";
import { defaultLimit, runCase } from "../../harness/run/live.ts";
import { livePool } from "../support/live.ts";

const [cases, faults] = await Promise.all([loadCases(standardFolders.cases), loadFaults()]);
const pathOf = (file: string): string => fileURLToPath(new URL(`../support/${file}`, import.meta.url));

/** A fault of each kind, with what the verdict must say of it. */
const inTypeScript = [
  ["fastdeploy-eps-hardcoded", /1e-0?6\b.*0\.001 \(eps\)/],
  ["llamacpp-gemma27b-scale", /1\/sqrt\(\S*head_dim 20\)/],
  ["litgpt-gemma-gelu", /erf\).*tanh/],
  ["mlx-swa-offbyone", /window of 9 keys.*window of 8 keys in the reference/],
  ["tl-padding-unmasked", /padding/],
  ["mlx-step35-norm-shift", /1 \+ w/],
  ["candle-neox-rope", /neighbouring|interleaved|pairs/],
  ["positions-restart-per-chunk", /positions (start at 0|restart)/],
  ["weight-of-next-layer", /weight.* layers\.4\.mlp\.down_proj|layers\.4\.mlp\.down_proj\.weight/],
  ["k-proj-bias-of-v-proj", /bias.*v_proj/],
  ["vllm-gemma2-softcap-window", /soft-capped at 50\b/],
  ["scale-per-head-broadcast", /1\.25\b.*\b3\b/],
  ["cache-stores-k-before-rope", /k_norm:out|before rope|not rotated/],
  ["scores-bf16", /rounded to bfloat16/],
] as const;

const inPyTorch = [
  ["norm_eps", /0\.0012\d*.*0\.001 \(eps\)/],
  ["gelu_erf", /erf\).*tanh/],
  ["scale", /0\.5\b/],
  ["window", /window of 9 keys.*window of 8 keys in the reference/],
  ["rope_pairs", /neighbouring|interleaved|pairs/],
  ["other_layer", /layers\.1\.self_attn\.k_proj/],
] as const;

/** Two faults in one engine that are two culprits. */
const apart = [
  ["epsAndGelu", "text", /erf\).*tanh/, /1e-0?6\b.*eps/],
  ["scaleAndGelu", "text", /1\/sqrt\(\S*head_dim 20\)/, /erf\).*tanh/],
  ["epsAndBias", "causal_lm", /1e-0?5\b.*eps/, /bias.*layers\.1\.self_attn\.o_proj/],
] as const;

/** Two faults in one engine that make one tensor wrong. */
const atOneSite = [
  ["scaleAndCap", "text", "layers.3.self_attn#scores", /head_dim 14\)/, /soft-capped at 50\b/],
  ["epsAndOnePlusWeight", "text", "layers.6.post_attention_layernorm:out", /1 \+ w/, /1e-0?5\b/],
  [
    "noBiasAndOtherWeight",
    "causal_lm",
    "layers.2.self_attn.q_proj:out",
    /bias.*(left out|zero)/,
    /layers\.1\.self_attn\.q_proj/,
  ],
] as const;

const ofTypeScript = (id: string): Promise<Verdict> => runCase(livePool!, plant(selectFaults(faults, [id])[0]!, cases));

function ofCompound(name: string, caseName: string): Promise<Verdict> {
  const [testCase] = selectCases(cases, [`gemma4_unified/${caseName}`]);
  return runCase(livePool!, { ...testCase!, fault: { module: pathOf("compounds.ts"), name } });
}

/** The faults of one file planted in one warm engine. */
function ofPyTorch(name: string): Promise<Verdict> {
  const [testCase] = selectCases(cases, ["gemma4_unified/left_padded"]);
  const fault = { module: pathOf("unified_faults.py"), name };
  return runCase(livePool!, { ...testCase!, fault }, { engine: `torch:${pathOf("torch_engine.py")}:healthy` });
}

/** The culprit has a cause that matches, alone or among others that fit as well, and the numbers bear it out. */
function expectCause(verdict: Verdict, culprit: Culprit | null | undefined, wanted: RegExp): void {
  const explanation = culprit?.explanation;
  const shown = renderVerdict(verdict);
  expect(explanation?.status, shown).toMatch(/^(explained|ambiguous)$/);
  expect(explanation!.ratio).toBeGreaterThan(defaultLimit);
  const right = explanation!.candidates.find((one) => says(one, wanted));
  expect(right, `${wanted} in\n${shown}`).toBeDefined();
  expect(right!.ratio).toBeLessThan(defaultLimit);
}

function says(candidate: Explanation["candidates"][number], wanted: RegExp): boolean {
  return [candidate, ...candidate.synonyms].some((one) => wanted.test(changeText(one)));
}

describe.skipIf(livePool === null)("the cause of a planted fault is found", () => {
  it.each(inTypeScript)("in the TypeScript engine: %s", async (id, wanted) => {
    const verdict = await ofTypeScript(id);
    expectCause(verdict, verdict.culprit, wanted);
    // No other culprit is left without a cause where the fault made several.
    for (const culprit of verdict.culprits) expect(culprit.explanation?.status).not.toBe("unexplained");
  });

  it.each(inPyTorch)("in a PyTorch engine: %s", async (name, wanted) => {
    const verdict = await ofPyTorch(name);
    expectCause(verdict, verdict.culprit, wanted);
  });
});

describe.skipIf(livePool === null)("two faults", () => {
  it.each(apart)("at two sites are two culprits with a cause each: %s in %s", async (name, caseName, first, second) => {
    const verdict = await ofCompound(name, caseName);
    expect(verdict.culprits, renderVerdict(verdict)).toHaveLength(2);
    expectCause(verdict, verdict.culprits[0], first);
    expectCause(verdict, verdict.culprits[1], second);
  });

  it.each(atOneSite)("at one site are never taken for one: %s in %s at %s", async (name, caseName, site) => {
    const verdict = await ofCompound(name, caseName);
    expect(verdict.culprits, renderVerdict(verdict)).toHaveLength(1);
    expect(verdict.culprit!.site).toContain(site);
    const { candidates } = verdict.culprit!.explanation!;
    expect(candidates.filter(({ form, changes }) => !form && changes.length === 1)).toEqual([]);
  });

  it.each(atOneSite)("at one site are explained as a pair: %s in %s at %s", async (name, caseName, _, ...both) => {
    const verdict = await ofCompound(name, caseName);
    for (const wanted of both) expectCause(verdict, verdict.culprit, wanted);
  });
});
