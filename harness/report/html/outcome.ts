/** What a verdict means to a reader: a status word that takes the case's expectation into account. */
import type { Verdict } from "../../verdict/schema.ts";

/** `expected`: a known fault failed at the place where it had to fail, which is as good as a pass. */
export type Outcome = "pass" | "expected" | "fail" | "unknown" | "error";

/** All outcomes, in the order in which totals are printed. */
export const outcomes: readonly Outcome[] = ["pass", "expected", "fail", "unknown", "error"];

/** The words of the report for each outcome. */
export const outcomeWords: Readonly<Record<Outcome, string>> = {
  pass: "passed",
  expected: "failed as expected",
  fail: "failed",
  unknown: "unknown",
  error: "error",
};

type Judged = Pick<Verdict, "status" | "met" | "expectation">;

/** The outcome of a verdict. A case that had to fail and did not is a failure; "could not judge" is never a pass. */
export function outcomeOf(verdict: Judged): Outcome {
  if (verdict.met && verdict.expectation !== "pass") return "expected";
  if (verdict.status === "error" || verdict.status === "unknown") return verdict.status;
  return verdict.status === "pass" && verdict.met ? "pass" : "fail";
}

/** One sentence when the expectation changes how the status reads, else null. */
export function expectationNote(verdict: Judged): string | null {
  if (verdict.expectation === "pass") return null;
  const place = verdict.expectation.fail_at;
  if (verdict.met) return `The case holds a known fault and has to fail at ${place}. It does.`;
  if (verdict.status === "pass") return `The case has to fail at ${place}, but every site passed.`;
  return `The case has to fail at ${place}, but it did not fail there.`;
}

/** How many verdicts have each outcome. */
export function countOutcomes(verdicts: readonly Judged[]): Record<Outcome, number> {
  const counts: Record<Outcome, number> = { pass: 0, expected: 0, fail: 0, unknown: 0, error: 0 };
  for (const verdict of verdicts) counts[outcomeOf(verdict)] += 1;
  return counts;
}
