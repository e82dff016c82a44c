/** Numbers, shapes and site names as text. */
import type { Distance, SiteVerdict } from "../../verdict/site.ts";
import type { Verdict } from "../../verdict/schema.ts";
import { largestRatio, isCapped } from "../../verdict/numbers.ts";
import { distanceOf } from "../../verdict/deciding.ts";

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `10⁶`, `10⁻⁷`. */
export function powerOfTen(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => superscripts[Number(digit)] ?? "");
  return `10${exponent < 0 ? "⁻" : ""}${digits.join("")}`;
}

/** A number to three digits: `0.0123`, `1.23 × 10⁻⁷`. */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude >= 0.001 && magnitude < 100_000) return String(Number(value.toPrecision(4)));
  const [mantissa = "", exponent = "0"] = value.toExponential(2).split("e");
  return `${mantissa} × ${powerOfTen(Number(exponent))}`;
}

/** A ratio in noise units: `0.83×`, `1,283,183×`, `2.1 × 10⁹×`. */
export function formatRatio(ratio: number): string {
  if (isCapped(ratio)) return "infinite";
  if (ratio < 10) return `${ratio.toFixed(2)}×`;
  if (ratio < 1000) return `${ratio.toFixed(1)}×`;
  if (ratio < 1e8) return `${grouped.format(ratio)}×`;
  return `${formatNumber(ratio)}×`;
}

/** A whole number with thousands separators. */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** `[1, s, 8192]`. */
export function formatShape(shape: readonly (number | string)[]): string {
  return `[${shape.join(", ")}]`;
}

/** `0.8 s`, `42 s`, `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** `2026-11-24 19:08 UTC`, or the text itself when it is not a date. */
export function formatDate(started: string): string {
  const date = new Date(started);
  return Number.isNaN(date.getTime()) ? started : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Engine name with its version and, when one was put in, the fault. */
export function formatEngine({ name, version, fault }: Verdict["engine"]): string {
  return `${name} ${version}${fault === undefined ? "" : ` with fault ${fault}`}`;
}

/** The distance that is shown. */
export type Measure = "accumulated" | "local";

/** The distance of a site in this measure, or null where there is none. */
export function distanceIn({ run, local }: SiteVerdict, measure: Measure): Distance | null {
  return distanceOf(measure === "local" ? local : run);
}

/** The whole-tensor ratio of a site, or null where there is none. */
export function ratioOf(site: SiteVerdict, measure: Measure): number | null {
  return distanceIn(site, measure)?.ratio ?? null;
}

/** True when the site's failure shows in this measure: a site that fails by what came before it agrees locally. */
export function failsIn(site: SiteVerdict, measure: Measure, limit: number): boolean {
  if (site.status !== "fail") return false;
  const [shown, other] = [distanceIn(site, measure), distanceIn(site, measure === "local" ? "accumulated" : "local")];
  if (!shown || !other) return true;
  return largestRatio(shown) > limit || largestRatio(other) <= limit;
}

/**
 * The blame of a site in this measure: `wrong` on its own account, `inherited` where the site does its work right and
 * carries an error from before, else null.
 */
export function blameOf(site: SiteVerdict, measure: Measure, limit: number): "wrong" | "inherited" | null {
  if (failsIn(site, measure, limit)) return "wrong";
  return measure === "accumulated" && isInherited(site) ? "inherited" : null;
}

/** True when a site passes on its own data and differs in the run. */
export function isInherited({ status, run }: SiteVerdict): boolean {
  return status === "pass" && run?.status === "fail";
}

const severity: Readonly<Record<SiteVerdict["status"], number>> = { pass: 0, unknown: 1, fail: 2 };

/** The worse of two sites: by status, then by ratio, then the later one. */
export function worseSite(left: SiteVerdict, right: SiteVerdict, measure: Measure): SiteVerdict {
  if (left.status !== right.status) return severity[left.status] > severity[right.status] ? left : right;
  return (ratioOf(left, measure) ?? -1) >= (ratioOf(right, measure) ?? -1) ? left : right;
}
