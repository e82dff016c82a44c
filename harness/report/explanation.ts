/** Words for an explanation beside its changes: phases, distances, and what a green verdict is worth. */
import type { Counterfactual, Power } from "../verdict/explanation.ts";

/**
 * Verdicts cap ratios here because JSON has no infinity. Repeated, so that the page need not carry the whole schema.
 */
const cappedRatio = 1e30;

/** `in decode:1 only, not in prefill`, or "" for a change that holds in every phase where it could be made. */
export function phasesText({ phases, not_in }: Pick<Counterfactual, "phases" | "not_in">): string {
  return not_in.length === 0 ? "" : `in ${phases.join(", ")} only, not in ${not_in.join(", ")}`;
}

/**
 * The two distances of a candidate, from the reference as it is and with the candidate's `change`. A tensor that has to
 * be equal bit for bit has no noise to count in: it is equal or it is not. `times` writes a ratio with its unit
 * (`1.1x`).
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
