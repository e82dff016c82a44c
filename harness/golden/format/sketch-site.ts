import type { Numbers } from "../../compare/distance.ts";
import { measure } from "../../compare/distance.ts";
import type { Dtype } from "../../trace/dtypes.ts";
import { isFloating } from "../../trace/dtypes.ts";
import type { GoldenSite } from "./schema.ts";
import { checksum, project } from "./sketch.ts";

/** One site of the reference in its own dtype and in float64, left padding hidden. */
export interface RecordedSite {
  readonly site: string;
  readonly phase: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly reference: Numbers;
  readonly oracle: Numbers;
  /** Numbers of the projection. */
  readonly size: number;
  /** Noise over magnitude of this site in earlier phases. */
  readonly relativeNoise: number;
}

/**
 * Sketches one site: a checksum where an engine must be bit-equal, else the oracle's projection and the reference's
 * noise.
 */
export function sketchSite(recorded: RecordedSite): GoldenSite {
  const { site, phase, shape, dtype, reference, oracle, size, relativeNoise } = recorded;
  const base = { site, phase, shape: [...shape], dtype };
  if (!isFloating(dtype)) return { ...base, checksum: checksum(reference) };
  const columns = shape.at(-1) ?? 1;
  const { distance, exact } = measure({ engine: reference, reference, oracle, columns, dtype, relativeNoise });
  if (exact) return { ...base, rms: distance.rms, checksum: checksum(reference) };
  return {
    ...base,
    rms: distance.rms,
    max: largest(oracle),
    noise: distance.noise,
    projection: project(oracle, size),
  };
}

function largest(values: Numbers): number {
  let found = 0;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
}
