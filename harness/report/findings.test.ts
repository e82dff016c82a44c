import { describe, expect, it } from "vitest";
import type { Verdict } from "../verdict/schema.ts";
import { findingsOf } from "./findings.ts";
import { explainedVerdict, unsolvedVerdict } from "./html/test-explanations.ts";
import { errorVerdict, liveVerdict, unknownVerdict } from "./html/test-verdicts.ts";
import { seedVerdict } from "./html/test-samples.ts";

const kinds = (verdict: Verdict) => findingsOf(verdict).map(({ kind }) => kind);

describe("findingsOf", () => {
  it("finds nothing in a pass, nor in a failure that is expected", () => {
    expect(findingsOf(liveVerdict())).toEqual([]);
    expect(findingsOf(seedVerdict())).toEqual([]);
  });

  it("tells place, cause, both distances and the reference's line", () => {
    expect(findingsOf(explainedVerdict())).toMatchInlineSnapshot(`
      [
        {
          "also": [
            {
              "phase": "decode:1",
              "site": "model.language_model.layers.3.self_attn#scores",
            },
          ],
          "alsoSaid": "the same, in decode:1",
          "category": "scalar",
          "cause": "the number in \`mul\` is 0.267261 (1/sqrt(text_config.head_dim 14)), the reference has 1, in decode:1 only, not in prefill",
          "distances": "1,283,183x noise from the reference, 1.10x from the reference with this change",
          "kind": "mismatch",
          "phase": "prefill",
          "remedy": null,
          "site": "model.language_model.layers.3.self_attn#scores",
          "source": "lockstep_reference/attention.py:34: scores = query @ key.mT * scaling",
          "summary": "1,283,183x noise; head 2 of 6; tokens from 8 on, of 24",
        },
      ]
    `);
  });

  it("makes one finding of each culprit, and says what is known of causes that are not certain", () => {
    expect(findingsOf(unsolvedVerdict()).map(({ cause }) => cause)).toMatchInlineSnapshot(`
      [
        "the number in \`add\` is 1e-6, the reference has 0.001 (eps), or the norm is an RMS norm with eps added outside the root, in place of an RMS norm",
        "not found: no single change gives it; the error has this form: each token is multiplied by a factor of its own (1.02, 0.98, 1.01, ...)",
        "unexplained: none of 621 changes of the reference gives it",
        "the number in \`add\` is 1e-6, the reference has 0.001 (eps)",
      ]
    `);
  });

  it("reads sizes as config fields", () => {
    const [shape] = findingsOf({ ...seedVerdict(), met: false });
    expect(shape).toMatchObject({ kind: "shape", cause: "global_head_dim 512 expected, the engine used head_dim 256" });
    expect(shape!.summary).toContain("8192 = num_attention_heads 16 x global_head_dim 512");
  });

  it("says where a failure was expected when it is elsewhere", () => {
    const [finding] = findingsOf({ ...explainedVerdict(), expectation: { fail_at: "logits" } });
    expect(finding!.summary).toContain("marked to fail at logits");
  });

  it("never takes a broken engine, an unjudged case or a pass that should fail for nothing", () => {
    expect(kinds(errorVerdict())).toEqual(["broken-engine"]);
    expect(kinds(unknownVerdict())).toEqual(["not-judged"]);
    expect(kinds({ ...liveVerdict(), met: false, expectation: { fail_at: "logits" } })).toEqual(["unexpected-pass"]);
    expect(kinds({ ...liveVerdict(), met: false, status: "fail" })).toEqual(["incomplete"]);
  });
});
