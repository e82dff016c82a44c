/** Says in words why a site fails or could not be judged. */
import { decidingOf } from "../deciding.ts";
import type { Direction, Element, Flips, Region, SiteVerdict, Unjudged, Why } from "../site.ts";
import { format, noiseText } from "./ratio.ts";

/** Says why a site fails, as one sentence without a full stop. */
export function whyText(why: Why): string {
  switch (why.kind) {
    case "shape":
      return `shape [${why.found.join(", ")}], expected [${why.expected.join(", ")}]${why.length === undefined ? "" : ` at ${why.length} tokens`}`;
    case "dtype":
      return `dtype ${why.found}, expected ${why.expected}`;
    case "not finite":
      return why.count === null
        ? "values that are not finite, where the reference's are"
        : `${why.count.toLocaleString("en-US")} values are not finite in one of engine and reference only`;
    case "not exact":
      return notExactText(why);
    case "noise":
      return why.at.part === "tensor"
        ? noiseText(why.ratio)
        : `${why.at.part} ${why.at.index}: ${noiseText(why.ratio)}`;
    case "direction":
      return `${noiseText(why.ratio)}, but ${directionText(why.direction)}`;
    case "choice":
      return flipsText(why.flips);
    case "stop":
      return `the engine's forward stopped at ${why.at}: ${why.message}`;
  }
}

function notExactText({ first, count, of }: Extract<Why, { kind: "not exact" }>): string {
  if (first === null || count === null) return "the reference is exact here, and the engine is not bit-equal to it";
  return `${count} of ${of} elements differ, and the reference is exact here; first at ${elementText(first)}`;
}

function elementText({ index, found, expected }: Element): string {
  return `[${index.join(", ")}]: ${found}, expected ${expected}`;
}

/**
 * Says in which direction an error goes: "every row is off by the same factor: 2.1 ulp, 13 standard errors from zero".
 */
function directionText({ kind, ulp, z }: Direction): string {
  const what = kind === "scale" ? "every row is off by the same factor" : "every element is off by the same amount";
  return `${what}: ${Math.abs(ulp).toFixed(1)} ulp, ${Math.abs(z).toFixed(0)} standard errors from zero`;
}

/** Rows in which another choice was made: "2 of 9 rows choose other columns; row 3: [1, 5], expected [1, 4]; ...". */
function flipsText({ count, rows, first: { row, found, expected, gap } }: Flips): string {
  const distance = gap === null ? "" : `; their logits differ by ${format(gap)}x noise`;
  return `${count} of ${rows} rows choose other columns; row ${row}: [${found.join(", ")}], expected [${expected.join(", ")}]${distance}`;
}

/** A choice that passes since rounding decides it. */
export function tieText(flips: Flips): string {
  return `a tie: ${flipsText(flips)}`;
}

/** Says how a tensor of another shape is the reference's; "" where it has the reference's shape. */
export function broadcastText({ broadcast, expected }: Pick<SiteVerdict, "broadcast" | "expected">): string {
  if (!broadcast || !expected) return "";
  return `equal along a batch of 1: [${broadcast.join(", ")}], where the reference has [${expected.shape.join(", ")}]`;
}

/** Says why a site could not be judged, as a clause that stands behind "not judged, ". */
export function unjudgedText(why: Unjudged): string {
  switch (why.kind) {
    case "not offered":
      return "the engine does not offer it";
    case "out of order":
      return "it came too far out of order to be compared";
    case "stopped":
      return `the engine stopped at ${why.at}`;
    case "no oracle":
      return `the reference has shape [${why.reference.join(", ")}] there and its float64 run [${why.oracle.join(", ")}]`;
    case "not a number":
      return `${why.count.toLocaleString("en-US")} of ${why.of.toLocaleString("en-US")} values are not a number on both sides`;
    case "phase impossible":
      return impossibleText(why);
  }
}

function impossibleText({ lacks, before }: Extract<Unjudged, { kind: "phase impossible" }>): string {
  if (lacks === "cache") return "the engine keeps no cache between phases (capability cache)";
  if (lacks === "fork") return `the engine can't go back to its cache after ${before} (capability fork)`;
  return `the engine can't run ${before}, which comes before it`;
}

/** Says why a site does not pass, or passes as a tie, as one sentence without a full stop; "" for a plain pass. */
export function reasonOf(site: Pick<SiteVerdict, "run" | "local">): string {
  const deciding = decidingOf(site);
  switch (deciding?.status) {
    case "fail":
      return whyText(deciding.why);
    case "unknown":
      return `not judged: ${unjudgedText(deciding.why)}`;
    case "pass":
      return deciding.tie ? tieText(deciding.tie) : "";
    case undefined:
      return "";
  }
}

/**
 * The indices of one axis: "head 2 of 4", "tokens 8 to 18 of 19", "upper half of 64 channels", "every 2nd channel of
 * 14, from 0".
 */
export function regionText({ axis, size, count, first, last, step }: Region): string {
  if (count === 1) return `${axis} ${first} of ${size}`;
  if (step === 1) {
    if (last === size - 1)
      return size === 2 * count ? `upper half of ${size} ${axis}s` : `${axis}s from ${first} on, of ${size}`;
    if (first === 0)
      return size === 2 * count ? `lower half of ${size} ${axis}s` : `${axis}s before ${last + 1}, of ${size}`;
    return `${axis}s ${first} to ${last} of ${size}`;
  }
  if (step !== null && count > 2) return `every ${ordinal(step)} ${axis} of ${size}, from ${first}`;
  return `${count} of ${size} ${axis}s`;
}

function ordinal(number: number): string {
  const endings: Readonly<Record<number, string>> = { 1: "st", 2: "nd", 3: "rd" };
  const teens = number % 100 >= 11 && number % 100 <= 13;
  return `${number}${teens ? "th" : (endings[number % 10] ?? "th")}`;
}
