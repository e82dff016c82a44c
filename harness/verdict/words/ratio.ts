import { isCapped } from "../numbers.ts";

/**
 * A ratio as people read it: two digits below 100, thousands separated above; `infinite` where there is no noise to
 * count in.
 */
export function format(ratio: number): string {
  if (isCapped(ratio)) return "infinite";
  if (ratio >= 1e9) return ratio.toExponential(1);
  return ratio >= 100 ? Math.round(ratio).toLocaleString("en-US") : ratio.toFixed(ratio < 10 ? 2 : 1);
}

/** A ratio with its unit: `4,260x noise`; plain words where the reference has no noise at all. */
export function noiseText(ratio: number): string {
  return isCapped(ratio) ? "not equal to the reference, which is exact here" : `${format(ratio)}x noise`;
}
