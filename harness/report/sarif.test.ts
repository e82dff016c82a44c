import { readFileSync } from "node:fs";
import AjvDraft04 from "ajv-draft-04";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import type { Verdict } from "../verdict/schema.ts";
import { explainedVerdict, unsolvedVerdict } from "./html/test-explanations.ts";
import { liveVerdict } from "./html/test-verdicts.ts";
import { sampleVerdicts } from "./html/test-samples.ts";
import { plainLine } from "../trace/harmless.ts";
import { renderSarif } from "./sarif.ts";
import { hostileTexts, hostileVerdict } from "./test-hostile.ts";

// The schema as @microsoft/jest-sarif 1.0.0-beta.0 (MIT) carries it.
const schema = JSON.parse(
  readFileSync(new URL("./fixtures/sarif-2.1.0-rtm.5.json", import.meta.url), "utf8"),
) as object;
const ajv = new AjvDraft04.default({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats.default(ajv);
const validate = ajv.compile(schema);

interface Log {
  readonly runs: readonly [
    {
      readonly results: readonly {
        readonly ruleId: string;
        readonly message: { readonly text: string };
        readonly locations: readonly [
          { readonly physicalLocation?: { readonly artifactLocation: { readonly uri: string } } },
        ];
        readonly partialFingerprints: Readonly<Record<string, string>>;
      }[];
    },
  ];
}

/** The log as the schema admits it. */
function read(verdicts: readonly Verdict[]): Log {
  const log: unknown = JSON.parse(renderSarif(verdicts, "1.2.3"));
  expect(validate(log) ? [] : validate.errors).toEqual([]);
  return log as Log;
}

describe("renderSarif", () => {
  it("would be refused by the schema if it were wrong", () => {
    const log = JSON.parse(renderSarif(sampleVerdicts(), "1.2.3")) as { runs: { results: { level: string }[] }[] };
    log.runs[0]!.results[0]!.level = "terrible";
    expect(validate(log)).toBe(false);
  });

  it("has a result for each finding and none for what is as expected", () => {
    const { results } = read([liveVerdict(), ...sampleVerdicts(), unsolvedVerdict()]).runs[0];
    expect(results.map(({ ruleId }) => ruleId)).toEqual([
      ...["mismatch", "broken-engine", "not-judged"],
      ...Array.from({ length: 4 }, () => "mismatch"),
    ]);
  });

  it("says place, cause and both distances, in the case's file", () => {
    const { results } = read([{ ...explainedVerdict(), case_file: "cases/a b.case.ts" }]).runs[0];
    expect(results[0]!.message.text).toMatchInlineSnapshot(
      `"gemma4_unified/decode-scale, typescript vs transformers 5.24.0 at model.language_model.layers.3.self_attn#scores in prefill: 1,283,183x noise; head 2 of 6; tokens from 8 on, of 24. Cause: the number in \`mul\` is 0.267261 (1/sqrt(text_config.head_dim 14)), the reference has 1, in decode:1 only, not in prefill (1,283,183x noise from the reference, 1.10x from the reference with this change)"`,
    );
    expect(results[0]!.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: "cases/a%20b.case.ts", uriBaseId: "%SRCROOT%" },
      region: { startLine: 1 },
    });
  });

  it("has no physical location where the case's file is not known", () => {
    expect(read([explainedVerdict()]).runs[0].results[0]!.locations[0]).not.toHaveProperty("physicalLocation");
  });

  it("knows a finding again by case, place and kind, not by its numbers", () => {
    const [print] = [explainedVerdict(), { ...explainedVerdict(), seconds: 9, seed: 1 }].map(
      (one) => read([one]).runs[0].results[0]!.partialFingerprints,
    );
    expect(read([{ ...explainedVerdict(), seconds: 9 }]).runs[0].results[0]!.partialFingerprints).toEqual(print);
    expect(read([unsolvedVerdict()]).runs[0].results[0]!.partialFingerprints).not.toEqual(print);
  });

  it.each(hostileTexts)("is valid with hostile names: %j", (name) => {
    const { results } = read([hostileVerdict(name)]).runs[0];
    expect(results).toHaveLength(4);
    const { uri } = results[0]!.locations[0].physicalLocation!.artifactLocation;
    expect(decodeURIComponent(uri)).toBe(plainLine(`cases/${name}.case.ts`));
  });
});
