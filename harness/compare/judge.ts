import { isFloating } from "../trace/dtype.ts";
import type { Site } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Numbers, Triple } from "./distance.ts";
import { bitEqual, describeDifference, measure } from "./distance.ts";
import { drawPicture } from "./picture.ts";
import { describeDirection, findDirection } from "./structure.ts";
import type { TokenMask } from "./padding.ts";
import { hidePadding } from "./padding.ts";
import { whereabouts } from "./whereabouts.ts";
import type { SiteVerdict } from "../verdict/schema.ts";

/** One site in one phase, as all three sides have it. */
export interface TapTriple {
  readonly site: Site;
  readonly phase: string;
  readonly order: number;
  readonly engine: RawTensor;
  readonly reference: RawTensor;
  /** The reference's run in float64. */
  readonly oracle: RawTensor;
}

/** What a site is judged by. */
export interface Rules {
  /** Largest ratio (noise units) that passes, for the whole tensor and for its worst row and column. */
  readonly limit: number;
  /** Present when some sequences are padded. */
  readonly tokens?: TokenMask;
  /** Noise over magnitude of this site in earlier phases. */
  readonly relativeNoise?: number;
  /** For local judgements, where the reference worked on the engine's own input: look for a direction in errors that are small enough to pass. */
  readonly structure?: boolean;
}

/**
 * Judges one site: shape, then dtype, then values. Never broadcasts, never truncates, and a value that is not a number on one side only
 * always fails.
 */
export function judge(triple: TapTriple, rules: Rules): SiteVerdict {
  const { site, phase, order, engine, reference, oracle } = triple;
  const shape = [...reference.shape];
  const base = { site, phase, order, shape, dtype: reference.dtype };
  const found = { found_shape: [...engine.shape], found_dtype: engine.dtype };
  if (engine.shape.join() !== shape.join())
    return { ...base, ...found, status: "fail", reason: `shape [${engine.shape}], expected [${shape}]` };
  if (engine.dtype !== reference.dtype)
    return { ...base, ...found, status: "fail", reason: `dtype ${engine.dtype}, expected ${reference.dtype}` };
  if (oracle.shape.join() !== shape.join()) {
    const reason = `can't be judged: the reference has shape [${shape}], its float64 run [${oracle.shape}]`;
    return { ...base, status: "unknown", reason };
  }
  if (shape.includes(0)) return { ...base, status: "pass" };
  const values = {
    engine: visibleNumbers(site, engine, rules),
    reference: visibleNumbers(site, reference, rules),
    oracle: visibleNumbers(site, oracle, rules),
  };
  if (!isFloating(reference.dtype)) {
    const equal = bitEqual(values.engine, values.reference);
    return equal ? { ...base, status: "pass" } : { ...base, status: "fail", reason: firstDifference(values, shape) };
  }
  const columns = shape.at(-1) ?? 1;
  const { relativeNoise = 0 } = rules;
  return judgeNumbers(base, { ...values, columns, dtype: reference.dtype, relativeNoise }, rules);
}

function judgeNumbers(
  base: Omit<SiteVerdict, "status"> & { readonly shape: number[] },
  triple: Triple,
  { limit, structure = false }: Rules,
): SiteVerdict {
  const { distance, exact, nonFinite } = measure(triple);
  const { noise } = distance;
  const fail = (reason: string): SiteVerdict => {
    const picture = structure ? drawPicture(base.site, base.shape, { ...triple, noise }) : null;
    const detail = {
      ...describeDifference(triple, base.shape, noise),
      where: whereabouts(base.site, base.shape, triple, { noise, limit }),
      ...(picture && { picture }),
    };
    return { ...base, status: "fail", reason, accumulated: distance, detail };
  };
  if (nonFinite > 0) return fail(`${nonFinite} elements are not finite on one side only`);
  if (exact && !bitEqual(triple.engine, triple.reference))
    return fail("the reference is exact here and the engine is not bit-equal");
  const { ratio, worst_row: row, worst_column: column } = distance;
  // "not within" rather than "above": a limit that is not a number passes nothing
  if (!(ratio <= limit)) return fail(`${format(ratio)}x noise`);
  if (row && !(row.ratio <= limit)) return fail(`row ${row.index}: ${format(row.ratio)}x noise`);
  if (column && !(column.ratio <= limit)) return fail(`column ${column.index}: ${format(column.ratio)}x noise`);
  const direction = structure ? findDirection(triple) : null;
  if (direction) return fail(`${format(distance.ratio)}x noise, but ${describeDirection(direction)}`);
  return { ...base, status: "pass", accumulated: distance };
}

/** The largest ratio of a site, accumulated or local, over its whole tensor, worst row and worst column: what is compared with the limit. */
export function largestRatio({ accumulated, local }: Partial<SiteVerdict>): number {
  const ratios = [accumulated, local].map((distance) =>
    distance ? Math.max(distance.ratio, distance.worst_row?.ratio ?? 0, distance.worst_column?.ratio ?? 0) : 0,
  );
  return Math.max(...ratios);
}

/** A ratio as people read it: two digits below 100, thousands separated above. */
export function format(ratio: number): string {
  if (ratio >= 1e9) return ratio.toExponential(1);
  return ratio >= 100 ? Math.round(ratio).toLocaleString("en-US") : ratio.toFixed(ratio < 10 ? 2 : 1);
}

/** A tensor's values; left padding, where `rules` know of some, as zeros. */
export function visibleNumbers(site: Site, tensor: RawTensor, { tokens }: Pick<Rules, "tokens">): Numbers {
  const values = toNumbers(tensor);
  if (!tokens) return values;
  const copy = values.slice();
  hidePadding(site, tensor.shape, tokens, copy);
  return copy;
}

function firstDifference(values: { engine: Numbers; reference: Numbers }, shape: readonly number[]): string {
  let [first, count] = [-1, 0];
  for (let index = 0; index < values.reference.length; index++) {
    if (values.engine[index] === values.reference[index]) continue;
    if (count++ === 0) first = index;
  }
  const total = `${count} of ${values.reference.length} elements of [${shape}] differ`;
  return `${total}; first at ${first}: ${values.engine[first]}, expected ${values.reference[first]}`;
}
