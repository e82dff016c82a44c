/** The words for how a case went, the same everywhere: pass, fail, unknown, error, and their two marked forms. */
import type { Verdict } from "../schema.ts";

/** The result of a case, with what was expected of it. */
export type Outcome = Verdict["status"] | "expected failure" | "unexpected pass";

type Judged = Pick<Verdict, "status" | "met">;

/** All outcomes, in the order in which they are listed. */
export const outcomes: readonly Outcome[] = ["pass", "expected failure", "fail", "unexpected pass", "unknown", "error"];

/**
 * The outcome of a case: a case that is marked to fail and does is an expected failure, one that passes all the same an
 * unexpected pass.
 */
export function outcomeOf({ status, met }: Judged): Outcome {
  if (status === "pass") return met ? "pass" : "unexpected pass";
  return met ? "expected failure" : status;
}

/** `31 pass, 1 expected failure, 2 fail`: the outcomes that there are, in order. */
export function countsText(all: readonly Judged[]): string {
  const counts = Map.groupBy(all, outcomeOf);
  return outcomes
    .flatMap((outcome) => {
      const count = counts.get(outcome)?.length ?? 0;
      return count === 0 ? [] : [`${count} ${plural(outcome, count)}`];
    })
    .join(", ");
}

function plural(outcome: Outcome, count: number): string {
  if (count === 1) return outcome;
  return (
    { "expected failure": "expected failures", "unexpected pass": "unexpected passes", error: "errors" }[
      outcome as string
    ] ?? outcome
  );
}
