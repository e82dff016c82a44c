import { isFloating } from "../trace/dtypes.ts";
import type { Site } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Judgement, Why } from "../verdict/site.ts";
import type { Numbers, Triple } from "./distance.ts";
import { bitEqual, describeDifference, elementAt, measure } from "./distance.ts";
import type { TokenMask } from "./padding.ts";
import { hidePadding } from "./padding.ts";
import { drawPicture } from "./picture.ts";
import { findDirection } from "./structure.ts";
import { whereabouts } from "./whereabouts.ts";

/** One site in one phase, as all three sides have it. */
export interface TapTriple {
  readonly site: Site;
  readonly engine: RawTensor;
  readonly reference: RawTensor;
  /** The reference's run in float64. */
  readonly oracle: RawTensor;
  /** How far healthy ways of making each element lie apart, where that is more than the reference's own rounding. */
  readonly noise?: RawTensor;
}

/** The rules that a site is judged by. */
export interface Rules {
  /** Largest ratio (noise units) that passes, for the whole tensor and for its worst row and column. */
  readonly limit: number;
  /** The real tokens; present when some sequences are padded. */
  readonly tokens?: TokenMask;
  /** Noise over magnitude of this site in earlier phases. */
  readonly relativeNoise?: number;
  /**
   * True to look for a direction in errors that are small enough to pass: for local judgements, where the reference
   * worked on the engine's own input.
   */
  readonly structure?: boolean;
}

/**
 * Judges one site: shape, then dtype, then values. Never broadcasts, never truncates; a value that is not a number on one
 * side only always fails, and a site where some are not a number on both can't pass.
 */
export function judge(triple: TapTriple, rules: Rules): Judgement {
  const { site, engine, reference, oracle } = triple;
  const shape = [...reference.shape];
  const misshapen = differsInKind(engine, reference);
  if (misshapen) return { status: "fail", why: misshapen };
  if (oracle.shape.join() !== shape.join())
    return { status: "unknown", why: { kind: "no oracle", reference: shape, oracle: [...oracle.shape] } };
  if (shape.includes(0)) return { status: "pass" };
  const values = {
    engine: visibleNumbers(site, engine, rules),
    reference: visibleNumbers(site, reference, rules),
    oracle: visibleNumbers(site, oracle, rules),
    ...(triple.noise && { healthy: visibleNumbers(site, triple.noise, rules) }),
  };
  if (!isFloating(reference.dtype))
    return bitEqual(values.engine, values.reference)
      ? { status: "pass" }
      : { status: "fail", why: notExact(values.engine, values.reference, shape) };
  const columns = shape.at(-1) ?? 1;
  const { relativeNoise = 0 } = rules;
  return judgeNumbers({ site, shape }, { ...values, columns, dtype: reference.dtype, relativeNoise }, rules);
}

/** Says why a tensor can't take another's place: its shape, else its dtype; null where both are the same. */
export function differsInKind(
  found: Pick<RawTensor, "shape"> & { readonly dtype: string },
  expected: Pick<RawTensor, "shape"> & { readonly dtype: string },
): Why | null {
  if (found.shape.join() !== expected.shape.join())
    return { kind: "shape", expected: [...expected.shape], found: [...found.shape] };
  return found.dtype === expected.dtype ? null : { kind: "dtype", expected: expected.dtype, found: found.dtype };
}

function judgeNumbers(
  { site, shape }: { readonly site: Site; readonly shape: readonly number[] },
  triple: Triple,
  { limit, structure = false }: Rules,
): Judgement {
  const { distance, exact, nonFinite, notNumbers } = measure(triple);
  const { noise } = distance;
  const fail = (why: Why): Judgement => {
    const picture = structure ? drawPicture(site, shape, { ...triple, noise }) : null;
    const detail = {
      ...describeDifference(triple, shape, noise),
      where: whereabouts(site, shape, triple, { noise, limit }),
      ...(picture && { picture }),
    };
    return { status: "fail", why, distance, detail };
  };
  if (nonFinite > 0) return fail({ kind: "not finite", count: nonFinite });
  if (exact && !bitEqual(triple.engine, triple.reference))
    return fail(notExact(triple.engine, triple.reference, shape));
  const { ratio, worst_row: row, worst_column: column } = distance;
  // "not within" rather than "above": a limit that is not a number passes nothing
  if (!(ratio <= limit)) return fail({ kind: "noise", at: { part: "tensor" }, ratio });
  if (row && !(row.ratio <= limit))
    return fail({ kind: "noise", at: { part: "row", index: row.index }, ratio: row.ratio });
  if (column && !(column.ratio <= limit))
    return fail({ kind: "noise", at: { part: "column", index: column.index }, ratio: column.ratio });
  const direction = structure ? findDirection(triple) : null;
  if (direction) return fail({ kind: "direction", ratio, direction });
  // What could not be compared is no evidence: the engine's NaN may have come from its own earlier step.
  if (notNumbers > 0)
    return { status: "unknown", why: { kind: "not a number", count: notNumbers, of: triple.engine.length } };
  return { status: "pass", distance };
}

/** A tensor's values; left padding, where `rules` know of some, as zeros. */
export function visibleNumbers(site: Site, tensor: RawTensor, { tokens }: Pick<Rules, "tokens">): Numbers {
  const values = toNumbers(tensor);
  if (!tokens) return values;
  const copy = values.slice();
  hidePadding(site, tensor.shape, tokens, copy);
  return copy;
}

function notExact(engine: Numbers, reference: Numbers, shape: readonly number[]): Why {
  let [first, count] = [-1, 0];
  for (let index = 0; index < reference.length; index++) {
    if (Object.is(engine[index], reference[index]) || engine[index] === reference[index]) continue;
    if (count++ === 0) first = index;
  }
  return {
    kind: "not exact",
    first: first < 0 ? null : elementAt(first, shape, { found: engine, expected: reference }),
    count,
    of: reference.length,
  };
}
