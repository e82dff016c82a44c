import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Counterfactual, Explanation } from "../verdict/explanation.ts";
import type { Place } from "../verdict/site.ts";
import type { Verdict } from "../verdict/schema.ts";
import { renderVerdict } from "./terminal.ts";
import { eps, outside, perToken } from "./test-counterfactuals.ts";
import { failing, scores } from "./test-verdict.ts";

beforeEach(() => {
  vi.stubEnv("NO_COLOR", "1");
  vi.stubEnv("FORCE_COLOR", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const inPart: Counterfactual = {
  ...outside,
  id: "norm/outside [head 0]",
  part: [{ axis: { name: "head", index: 1, size: 4 }, ranges: [[0, 0]] }],
};

/** A culprit whose 621 changes came to this. */
function because(status: Explanation["status"], candidates: Counterfactual[], also: Place[] = []): Verdict {
  return failing([
    { ...scores, also, explanation: { status, tried: 621, ratio: 1_283_183, candidates, seconds: 1.13 } },
  ]);
}

describe("an explanation on the terminal", () => {
  /** Lines that belong to the culprit. */
  const about = (verdict: Verdict): string => `\n${renderVerdict(verdict).split("\n").slice(1, -1).join("\n")}\n`;

  it("names the one change, both distances and the reference's line", () => {
    expect(about(because("explained", [eps, inPart, perToken]))).toMatchInlineSnapshot(`
      "
         model.language_model.layers.5.self_attn#scores   in prefill
           1,283,183x noise
         cause  the number in \`add\` is 1e-6, the reference has 0.001 (eps)
                1,283,183x noise from the reference, 0.72x from the reference with this change  (621 changes tried in 1.1 s)
                modeling_gemma4_unified.py:166: mean_squared = hidden_states.pow(2).mean(-1, keepdim=True) + self.eps
      "
    `);
  });

  it("says in which phases the change is made", () => {
    const decode = { ...eps, phases: ["decode:1"], not_in: ["prefill", "full"] };
    expect(about(because("explained", [decode]))).toContain(
      "the reference has 0.001 (eps), in decode:1 only, not in prefill, full\n",
    );
  });

  it("names what gives the same numbers on the inputs of the case", () => {
    const verdict = because("explained", [
      {
        ...eps,
        synonyms: [outside, inPart].map(({ id, category, changes, part }) => ({ id, category, changes, part })),
      },
    ]);
    expect(about(verdict)).toContain(
      "\n   or     the norm is an RMS norm with eps added outside the root, in place of an RMS norm (the same numbers on these inputs), and 1 more\n",
    );
  });

  it("of a tensor without noise speaks of equality", () => {
    const verdict = because("explained", [{ ...eps, ratio: 0 }]);
    verdict.culprits[0]!.explanation!.ratio = 1e30;
    expect(about(verdict)).toContain("  not equal to the reference, equal to the reference with this change  (621");
  });

  it("that is ambiguous names a rival; simpler ones only, and no mere form", () => {
    expect(about(because("ambiguous", [eps, outside, inPart, perToken]))).toMatchInlineSnapshot(`
      "
         model.language_model.layers.5.self_attn#scores   in prefill
           1,283,183x noise
         cause  the number in \`add\` is 1e-6, the reference has 0.001 (eps)
                1,283,183x noise from the reference, 0.72x from the reference with this change  (621 changes tried in 1.1 s)
                modeling_gemma4_unified.py:166: mean_squared = hidden_states.pow(2).mean(-1, keepdim=True) + self.eps
         or     the norm is an RMS norm with eps added outside the root, in place of an RMS norm
      "
    `);
  });

  it("that is ambiguous has six lines at most", () => {
    const verdict = because(
      "ambiguous",
      [eps, outside, { ...outside, id: "norm/other" }],
      [{ site: "other", phase: "prefill" }],
    );
    expect(about(verdict)).toMatchInlineSnapshot(`
      "
         model.language_model.layers.5.self_attn#scores   in prefill
           1,283,183x noise
         cause  the number in \`add\` is 1e-6, the reference has 0.001 (eps)
                1,283,183x noise from the reference, 0.72x from the reference with this change  (621 changes tried in 1.1 s)
         or     the norm is an RMS norm with eps added outside the root, in place of an RMS norm, and 1 more
         also    other
      "
    `);
    expect(about(verdict).trim().split("\n")).toHaveLength(6);
  });

  it("that is a pattern says that the form is no cause", () => {
    expect(about(because("pattern", [perToken]))).toMatchInlineSnapshot(`
      "
         model.language_model.layers.5.self_attn#scores   in prefill
           1,283,183x noise
         cause  not found: no single change gives it; the error has this form: each token is multiplied by a factor of its own (1.02, 0.98, 1.01, ...)
                1,283,183x noise from the reference, 0.72x from the reference with this form of error  (621 changes tried in 1.1 s)
      "
    `);
  });

  it("that was not found tells what the error's size says", () => {
    const reading = { kind: "relative" as const, relative: 0.0011 };
    const explanation = { status: "unexplained" as const, tried: 9, ratio: 800, candidates: [], seconds: 1, reading };
    expect(about(failing([{ ...scores, explanation }]))).toContain("\n          the error is 0.11 % of the values");
  });

  it("that was not found says how much was tried", () => {
    expect(about(because("unexplained", []))).toMatchInlineSnapshot(`
      "
         model.language_model.layers.5.self_attn#scores   in prefill
           1,283,183x noise
         cause  unexplained: no change of the reference gives what the engine has  (621 changes tried in 1.1 s)
      "
    `);
  });
});
