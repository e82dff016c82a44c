/** Verdicts whose every text tries to break out of its report. For tests. */
import type { Verdict } from "../verdict/schema.ts";
import { unsolvedVerdict } from "./html/test-explanations.ts";

/** Names that mean something to a report's format. */
export const hostileTexts: readonly string[] = [
  `<script>alert("x")</script> & ]]> <!-- '`,
  "a|b `c` **d** _e_ [f](https://g.example) ![h](i) @someone #1 ~~j~~ $k$",
  "\\| ``` \n# heading\n::error file=x::y %0A 100%\r\n- item",
  "nul \u0000 escape \u001b[31m bell \u0007 \ufffe lone \ud800 surrogate 🦆",
];

/** A failing verdict with `text` as every name and sentence in it. */
export function hostileVerdict(text: string): Verdict {
  const base = unsolvedVerdict();
  const culprits = base.culprits.map((culprit) => ({
    ...culprit,
    site: text,
    phase: text,
    why: { kind: "dtype" as const, expected: text, found: text },
    also: [
      { site: text, phase: text },
      { site: `${text}2`, phase: text },
    ],
    ...(culprit.explanation && {
      explanation: {
        ...culprit.explanation,
        reading: { kind: "search broke" as const, message: text },
        candidates: culprit.explanation.candidates.map((one) => ({ ...one, sentence: text, source: text })),
      },
    }),
  }));
  return {
    ...base,
    case: text,
    case_file: `cases/${text}.case.ts`,
    engine: { ...base.engine, name: text, fault: text },
    reference: { ...base.reference, name: text, version: text },
    rerun: { engine: text, fault: text },
    culprit: culprits[0]!,
    culprits,
  };
}
