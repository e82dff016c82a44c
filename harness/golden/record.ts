import type { Numbers } from "../compare/distance.ts";
import { measure } from "../compare/distance.ts";
import type { Dtype } from "../trace/dtype.ts";
import { isFloating } from "../trace/dtype.ts";
import type { GoldenSite } from "./format.ts";
import { checksum, encodeNumbers, project } from "./sketch.ts";

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

/** Sketches one site: a checksum where an engine must be bit-equal, else the oracle's projection and the reference's noise. */
export function sketchSite(recorded: RecordedSite): GoldenSite {
  const { site, phase, shape, dtype, reference, oracle, size, relativeNoise } = recorded;
  const base = { site, phase, shape: [...shape], dtype };
  if (!isFloating(dtype)) return { ...base, checksum: checksum(reference) };
  const columns = shape.at(-1) ?? 1;
  const { distance, exact } = measure({ engine: reference, reference, oracle, columns, dtype, relativeNoise });
  if (exact) return { ...base, rms: round(distance.rms), checksum: checksum(reference) };
  return {
    ...base,
    rms: round(distance.rms),
    max: round(largest(oracle)),
    noise: round(distance.noise),
    projection: encodeNumbers(project(oracle, size)),
  };
}

/** Many sites hold the same tensor (a module's input is another's output): its projection is written once. */
export function shareEqual(sites: readonly GoldenSite[]): GoldenSite[] {
  const seen = new Map<string, number>();
  return sites.map((site, place) => {
    if (site.projection === undefined) return site;
    const first = seen.get(site.projection);
    if (first !== undefined) return { ...site, projection: `=${first}` };
    seen.set(site.projection, place);
    return site;
  });
}

function largest(values: Numbers): number {
  let found = 0;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
}

/** Statistics serve people and the noise unit: four digits are enough and keep the file small. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
