/** The look of an outcome on the page: one of five colours and marks, and the words that all reports use. */
import type { Verdict } from "../../verdict/schema.ts";
import type { Outcome } from "../../verdict/words/outcome.ts";
import { outcomeOf, outcomes } from "../../verdict/words/outcome.ts";

/** `expected`: a known fault failed at the place where it had to fail, which is as good as a pass. */
export type Tone = "pass" | "expected" | "fail" | "unknown" | "error";

const tones: Readonly<Record<Outcome, Tone>> = {
  pass: "pass",
  "expected failure": "expected",
  fail: "fail",
  "unexpected pass": "fail",
  unknown: "unknown",
  error: "error",
};

type Judged = Pick<Verdict, "status" | "met" | "expectation">;

/** The colour and mark of an outcome. */
export function toneOf(outcome: Outcome): Tone {
  return tones[outcome];
}

/** One sentence when the expectation changes how the status reads, else null. */
export function expectationNote(verdict: Judged): string | null {
  if (verdict.expectation === "pass") return null;
  const place = verdict.expectation.fail_at;
  if (verdict.met) return `The case holds a known fault and has to fail at ${place}. It does.`;
  if (verdict.status === "pass") return `The case has to fail at ${place}, but every site passed.`;
  return `The case has to fail at ${place}, but it did not fail there.`;
}

/** Counts the verdicts of each outcome, for those outcomes that there are. */
export function countOutcomes(verdicts: readonly Judged[]): (readonly [outcome: Outcome, count: number])[] {
  const counts = Map.groupBy(verdicts, outcomeOf);
  return outcomes.flatMap((outcome) => {
    const count = counts.get(outcome)?.length ?? 0;
    return count === 0 ? [] : [[outcome, count] as const];
  });
}
