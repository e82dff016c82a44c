import type { SiteVerdict } from "../verdict/schema.ts";

/** Relative sizes (rms) that rounding once to a format leaves: its epsilon / sqrt(12), within a factor that accumulating a few times makes of it. */
const roundings = [
  { name: "bfloat16", size: 2 ** -8 / Math.sqrt(12) },
  { name: "float16 or TF32", size: 2 ** -11 / Math.sqrt(12) },
] as const;

/** How far the size may be from one rounding: below, and above where a sum is rounded many times. */
const [below, above] = [1 / 3, 6];

/**
 * What the size and kind of an error that no change explains say to somebody who knows where such errors come from; "" when they say nothing.
 */
export function readError({ local, accumulated, reason = "", dtype }: SiteVerdict): string {
  if (/not finite/.test(reason))
    return "values that are not finite on one side only: a row whose keys are all masked, 0 / 0, or more than float16's 65504";
  const distance = local ?? accumulated;
  if (!distance || !(distance.rms > 0) || distance.ratio < 1) return "";
  const relative = distance.error / distance.rms;
  const format = roundings.find(({ size }) => relative > size * below && relative < size * above);
  const lower = format && !(dtype === "BF16" || dtype === "F16");
  if (lower)
    return `the error is ${percent(relative)} of the values, about what rounding to ${format.name} leaves: look for an operation, a sum or a buffer in that precision`;
  if (relative > 0.5)
    return `the error is as large as the values (${percent(relative)}): another tensor, another order, or other weights`;
  return `the error is ${percent(relative)} of the values`;
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}
