import type { Numbers } from "../compare/distance.ts";
import { format } from "../compare/judge.ts";
import type { SiteVerdict } from "../verdict/schema.ts";
import { maxRatio } from "../verdict/schema.ts";
import type { Golden } from "./format/schema.ts";
import { checksum, project, projectedDistance } from "./format/sketch.ts";

/** An engine's tensor at one site, left padding hidden. */
export interface FoundSite {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: Numbers;
}

/** Judges one site against a golden: shape, dtype, then checksum or projected distance in noise units, by the first `size` numbers of the sketch. */
export function judgeAgainstGolden(
  golden: Golden,
  place: number,
  found: FoundSite,
  { limit, size }: { limit: number; size?: number },
): SiteVerdict {
  const expected = golden.sites[place]!;
  const { site, phase, dtype } = expected;
  const shape = [...expected.shape];
  const base = { site, phase, order: place, shape, dtype };
  const other = { found_shape: [...found.shape], found_dtype: found.dtype };
  if (found.shape.join() !== shape.join())
    return { ...base, ...other, status: "fail", reason: `shape [${found.shape}], expected [${shape}]` };
  if (found.dtype !== dtype)
    return { ...base, ...other, status: "fail", reason: `dtype ${found.dtype}, expected ${dtype}` };
  if (expected.checksum !== undefined) {
    const equal = checksum(found.values) === expected.checksum;
    return equal ? { ...base, status: "pass" } : { ...base, status: "fail", reason: "not bit-equal to the golden" };
  }
  const wanted = (expected.projection ?? new Float64Array(0)).slice(0, size);
  const error = projectedDistance(project(found.values, wanted.length), wanted);
  const noise = expected.noise ?? Number.MIN_VALUE;
  const ratio = Number.isFinite(error) ? Math.min(error / noise, maxRatio) : maxRatio;
  const finite = Number.isFinite(error) ? error : Number.MAX_VALUE;
  const distance = {
    ratio,
    worst_row: null,
    worst_column: null,
    error: finite,
    noise,
    rms: expected.rms ?? 0,
    max_error: null,
  };
  if (ratio <= limit) return { ...base, status: "pass", accumulated: distance };
  const reason = Number.isFinite(error) ? `${format(ratio)}x noise` : "holds values that are not finite";
  return { ...base, status: "fail", reason, accumulated: distance };
}
