import type { Numbers } from "../compare/distance.ts";
import { differsInKind } from "../compare/judge.ts";
import { siteOf } from "../verdict/deciding.ts";
import { maxRatio } from "../verdict/numbers.ts";
import type { Judgement, SiteVerdict, Why } from "../verdict/site.ts";
import type { Golden, GoldenSite } from "./format/schema.ts";
import { checksum, project, projectedDistance } from "./format/sketch.ts";

/** An engine's tensor at one site, left padding hidden. */
export interface FoundSite {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: Numbers;
}

/**
 * Judges one site against a golden: shape, dtype, then checksum or projected distance in noise units, by the first
 * `size` numbers of the sketch.
 */
export function judgeAgainstGolden(
  golden: Golden,
  place: number,
  found: FoundSite,
  rules: { readonly limit: number; readonly size?: number },
): SiteVerdict {
  const expected = golden.sites[place]!;
  const { site, phase, dtype, shape } = expected;
  const run = judgeSketch(expected, found, rules);
  return siteOf({ site, phase, order: place, expected: { shape: [...shape], dtype }, run, local: null });
}

function judgeSketch(
  expected: GoldenSite,
  found: FoundSite,
  { limit, size }: { readonly limit: number; readonly size?: number },
): Judgement {
  const misshapen = differsInKind(found, expected);
  if (misshapen) return { status: "fail", why: misshapen };
  if (expected.checksum !== undefined) {
    if (checksum(found.values) === expected.checksum) return { status: "pass" };
    return { status: "fail", why: { kind: "not exact", first: null, count: null, of: found.values.length } };
  }
  const wanted = (expected.projection ?? new Float64Array(0)).slice(0, size);
  const error = projectedDistance(project(found.values, wanted.length), wanted);
  const noise = expected.noise ?? Number.MIN_VALUE;
  const isFinite = Number.isFinite(error);
  const ratio = isFinite ? Math.min(error / noise, maxRatio) : maxRatio;
  const distance = {
    ratio,
    worst_row: null,
    worst_column: null,
    error: isFinite ? error : Number.MAX_VALUE,
    noise,
    rms: expected.rms ?? 0,
    max_error: null,
  };
  if (ratio <= limit) return { status: "pass", distance };
  const why: Why = isFinite ? { kind: "noise", at: { part: "tensor" }, ratio } : { kind: "not finite", count: null };
  return { status: "fail", why, distance };
}
