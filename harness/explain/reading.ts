import { distanceOf, whyOf } from "../verdict/deciding.ts";
import type { ErrorReading } from "../verdict/explanation.ts";
import type { SiteVerdict } from "../verdict/site.ts";

/**
 * Relative sizes (rms) that rounding once to a format leaves: its epsilon / sqrt(12), within a factor that accumulating
 * a few times makes of it.
 */
const roundings = [
  { to: "bfloat16", size: 2 ** -8 / Math.sqrt(12) },
  { to: "float16", size: 2 ** -11 / Math.sqrt(12) },
] as const;

/**
 * Factors by which the size may differ from that of one rounding: downwards, and upwards where a sum is rounded many
 * times.
 */
const [below, above] = [1 / 3, 6];

/** Dtypes whose own rounding is as coarse: there it says nothing. */
const coarse: readonly string[] = ["BF16", "F16"];

/**
 * Reads an error that no change explains by its size and kind, as somebody would who knows where such errors come from;
 * null when these say nothing.
 */
export function readError(site: SiteVerdict): ErrorReading | null {
  if (whyOf(site)?.kind === "not finite") return { kind: "not finite" };
  const distance = distanceOf(site.local) ?? distanceOf(site.run);
  if (!distance || !(distance.rms > 0) || distance.ratio < 1) return null;
  const relative = distance.error / distance.rms;
  const rounding = roundings.find(({ size }) => relative > size * below && relative < size * above);
  if (rounding && !coarse.includes(site.expected?.dtype ?? ""))
    return { kind: "about one rounding", to: rounding.to, relative };
  return relative > 0.5 ? { kind: "as large as the values", relative } : { kind: "relative", relative };
}
