/** Verdicts whose every text tries to break out of its report. For tests. */
import type { Verdict } from "../verdict/schema.ts";
import { unsolvedVerdict } from "./html/test-explanations.ts";

/** Names that mean something to a report's format. */
export const hostileTexts: readonly string[] = [
  `<script>alert("x")</script> & ]]> <!-- '`,
  "a|b `c` **d** _e_ [f](https://g.example) ![h](i) @someone #1 ~~j~~ $k$",
  "\\| ``` \n# heading\n::error file=x::y %0A 100%\r\n- item",
  "nul \u0000 escape \u001b[31m bell \u0007 \ufffe lone \ud800 surrogate 🦆",
  "::add-mask::x",
  "\r ::stop-commands::x\n::error::y ##[error]z ##vso[task.complete]",
  "x\r\u001b[2K PASS  everything   9/9 sites\nok   1 pass\u2028not ok\u0085\u009b2J\u001b]0;title\u0007",
  "run \u202ethe other way\u2066 \u200b\u{e0041} \u001b]8;;https://x.example\u001b\\link\u001b]8;;\u001b\\",
];

/** Matches what no report may hold of an engine's text, whatever the format. */
export const activeText =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\u{e0041}]|##(?:\[|vso\[)|^\s*::(?!(?:error|warning) (?:file|title)=)/mu;

/** A verdict of a broken engine: `text` as its error, its remedy and its standard error. */
export function hostileError(text: string): Verdict {
  const error = { kind: "engine" as const, message: text, remedy: text, stderr_tail: [text, `${text}\n${text}`] };
  return { ...hostileVerdict(text), status: "error", culprit: null, culprits: [], sites: [], error };
}

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
        candidates: culprit.explanation.candidates.map((one) => ({
          ...one,
          changes: [{ kind: "module left out" as const, module: text, output: "zeros" as const }],
          sources: [{ file: text, line: 1, text }],
        })),
      },
    }),
  }));
  return {
    ...base,
    case: text,
    case_file: `cases/${text}.case.ts`,
    engine: { ...base.engine, name: text, fault: text },
    reference: { ...base.reference, name: text, version: text, versions: { [text]: text } },
    dtype: text,
    phases: [text],
    rerun: { engine: text, fault: text },
    culprit: culprits[0]!,
    culprits,
  };
}
