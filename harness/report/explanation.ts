/** What an explanation says to a reader: which candidate is the cause, which others fit as well, and which only describe. */
import type { Counterfactual, Explanation, Power } from "../verdict/explanation.ts";

/** Verdicts cap ratios here because JSON has no infinity. Repeated, so that the page need not carry the whole schema. */
const cappedRatio = 1e30;

/** The candidates of an explanation by what may be said of them. */
export interface Candidates {
  /** The cause; null where only descriptions fit, or nothing does. */
  readonly cause: Counterfactual | null;
  /** Others that are as simple as the cause: the case can't tell them apart. */
  readonly rivals: readonly Counterfactual[];
  /** Others that assume more: two changes at once, a part of the tensor, some phases. */
  readonly lesser: readonly Counterfactual[];
  /** Forms that the error has, which say nothing of where it comes from. */
  readonly forms: readonly Counterfactual[];
}

/** Sorts the candidates of an explanation, best first in each group. */
export function sortCandidates({ status, candidates }: Pick<Explanation, "status" | "candidates">): Candidates {
  const forms = candidates.filter(({ category }) => category === "pattern");
  const [cause = null, ...others] = candidates.filter(({ category }) => category !== "pattern");
  const isRival = (other: Counterfactual): boolean =>
    status === "ambiguous" && cause !== null && assumptions(other) === assumptions(cause);
  return { cause, rivals: others.filter(isRival), lesser: others.filter((other) => !isRival(other)), forms };
}

/** What a candidate assumes beyond one change that holds everywhere; ids spell it out as `a + b` and `a [part]`. */
function assumptions({ id, not_in }: Counterfactual): number {
  return (id.includes(" + ") ? 2 : 0) + (id.includes(" [") ? 1 : 0) + (not_in.length > 0 ? 1 : 0);
}

/** `in decode:1 only, not in prefill`, or "" for a change that holds in every phase where it could be made. */
export function phasesText({ phases, not_in }: Pick<Counterfactual, "phases" | "not_in">): string {
  return not_in.length === 0 ? "" : `in ${phases.join(", ")} only, not in ${not_in.join(", ")}`;
}

/**
 * The two distances of a candidate, from the reference as it is and with the candidate's `change`. A tensor that has to be equal bit for
 * bit has no noise to count in: it is equal or it is not. `times` writes a ratio with its unit (`1.1x`).
 */
export function distancesText(
  [before, after]: readonly [before: number, after: number],
  change: string,
  times: (ratio: number) => string,
): string {
  const far = before >= cappedRatio ? "not equal to the reference" : `${times(before)} noise from the reference`;
  const near = after === 0 ? "equal to" : `${times(after)} from`;
  return `${far}, ${near} the reference with this ${change}`;
}

/** Share of the likely faults that a case would find, in whole percent; 100 only where it is all of them. */
export function powerPercent({ seen, total }: Pick<Power, "seen" | "total">): string {
  return `${total === 0 ? 0 : Math.floor((100 * seen) / total)} %`;
}
