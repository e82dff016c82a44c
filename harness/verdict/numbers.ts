/** Numbers of verdicts that need no schema: the report's page imports this file. */

/** JSON has no infinity: a ratio that is infinite or not a number is capped at this value. */
export const maxRatio = 1e30;

/** True for a ratio that stands for infinity: the reference is exact there, or the values are not finite. */
export function isCapped(ratio: number): boolean {
  return ratio >= maxRatio;
}

/** The ratios that a limit is compared with. */
export interface Ratios {
  readonly ratio: number;
  readonly worst_row: { readonly ratio: number } | null;
  readonly worst_column: { readonly ratio: number } | null;
}

/**
 * The largest of a distance's ratios, over its whole tensor, worst row and worst column, in noise units; 0 where there
 * is none.
 */
export function largestRatio(distance: Ratios | null | undefined): number {
  if (!distance) return 0;
  return Math.max(distance.ratio, distance.worst_row?.ratio ?? 0, distance.worst_column?.ratio ?? 0);
}
