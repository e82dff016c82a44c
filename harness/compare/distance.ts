import { halfUlp } from "../trace/dtypes.ts";
import { maxRatio } from "../verdict/numbers.ts";
import type { Detail, Distance, Element } from "../verdict/site.ts";

/** Numbers of one tensor, row-major. */
export type Numbers = Float32Array | Float64Array;

/** The three tensors of one site, equally long. */
export interface Triple {
  readonly engine: Numbers;
  readonly reference: Numbers;
  readonly oracle: Numbers;
  /** Size of the last axis; rows are everything before it. 1 for a scalar. */
  readonly columns: number;
  /** The dtype that engine and reference computed in: sets the floor of the noise. */
  readonly dtype: "F64" | "F32" | "F16" | "BF16";
  /** Noise over magnitude that this site had in earlier phases: one token's noise alone is a sample of one. */
  readonly relativeNoise?: number;
  /** How far healthy ways of making each element lie apart: its noise where that is larger than the reference's own. */
  readonly healthy?: Numbers;
}

/** Fewest rows that give usable statistics per column. */
const rowsForColumns = 8;

/** Fewest elements that are not exact by mere luck. */
const elementsForExactness = 16;

/** Fewest elements that are not all small by mere chance. */
const elementsForMagnitude = 3;

/** The result of `measure`: the distance, and two facts that no ratio shows. */
export interface Measurement {
  readonly distance: Distance;
  /** The reference has no rounding error here at all: an engine must be bit-equal. */
  readonly exact: boolean;
  /** Elements that are not a number or infinite in one of engine and reference only. */
  readonly nonFinite: number;
  /** Elements that are not a number in both: nothing there could be compared. */
  readonly notNumbers: number;
}

/** Sums over the elements of one lane (row or column): squared errors, their squares, squared noise, squared size. */
interface Lanes {
  readonly error: Float64Array;
  readonly fourth: Float64Array;
  readonly noise: Float64Array;
  readonly size: Float64Array;
}

function lanes(count: number): Lanes {
  const zeros = (): Float64Array => new Float64Array(count);
  return { error: zeros(), fourth: zeros(), noise: zeros(), size: zeros() };
}

/**
 * Distance of the engine from the float64 oracle in units of the reference's own rounding noise at this site: `ratio =
 * rms(engine - oracle) / max(rms(reference - oracle), half an ulp at rms(oracle))`, for the whole tensor, its worst row
 * and its worst column, so that an error confined to one token, head or channel can't hide in the mean. Where fewer
 * than 16 elements carry the error (softmax rows of one token), the ratio is lowered by 4 / sqrt(their number): so few
 * random numbers spread that far by chance.
 */
export function measure({
  engine,
  reference,
  oracle,
  columns,
  dtype,
  relativeNoise = 0,
  healthy,
}: Triple): Measurement {
  const count = oracle.length;
  const width = Math.max(columns, 1);
  const rows = count === 0 ? 0 : count / width;
  const judgeColumns = rows >= rowsForColumns;
  const byRow = lanes(rows);
  const byColumn = lanes(judgeColumns ? width : 0);
  const { error: columnError, fourth: columnFourth, noise: columnNoise, size: columnSize } = byColumn;
  let maxError = 0;
  let nonFinite = 0;
  let notNumbers = 0;
  for (let row = 0, index = 0; row < rows; row++) {
    let rowError = 0;
    let rowFourth = 0;
    let rowNoise = 0;
    let rowSize = 0;
    for (let column = 0; column < width; column++, index++) {
      const truth = oracle[index]!;
      const difference = engine[index]! - truth;
      const rounding = reference[index]! - truth;
      const own = healthy ? Math.max(Math.abs(rounding), healthy[index]!) : rounding;
      const error = difference * difference;
      const noise = own * own;
      // One comparison for nearly every element: squares are never negative, and what is not a number is below nothing.
      if (!(error + noise < Infinity) && !(Number.isFinite(error) && Number.isFinite(noise))) {
        if (!Object.is(engine[index], reference[index])) nonFinite++;
        else if (Number.isNaN(engine[index])) notNumbers++;
        continue;
      }
      const size = truth * truth;
      const fourth = error * error;
      if (error > maxError) maxError = error;
      rowError += error;
      rowFourth += fourth;
      rowNoise += noise;
      rowSize += size;
      if (!judgeColumns) continue;
      columnError[column]! += error;
      columnFourth[column]! += fourth;
      columnNoise[column]! += noise;
      columnSize[column]! += size;
    }
    byRow.error[row] = rowError;
    byRow.fourth[row] = rowFourth;
    byRow.noise[row] = rowNoise;
    byRow.size[row] = rowSize;
  }
  const rms = Math.sqrt(sum(byRow.size) / Math.max(count, 1));
  const referenceNoise = Math.sqrt(sum(byRow.noise) / Math.max(count, 1));
  const noise = Math.max(referenceNoise, relativeNoise * rms, halfUlp(dtype, rms));
  const squares = sum(byRow.error);
  const error = Math.sqrt(squares / Math.max(count, 1));
  const few = Math.max(1, 4 / Math.sqrt(independent(squares, sum(byRow.fourth))));
  const relative = rms === 0 ? 0 : noise / rms;
  const columnSamples = differentLanes([oracle, engine], { count: width, step: 1, length: rows, stride: width });
  const rowSamples = judgeColumns
    ? differentLanes([oracle, engine], { count: rows, step: width, length: width, stride: 1 })
    : rows;
  const distance: Distance = {
    ratio: toRatio(error, noise * few),
    worst_row: worst(byRow, { length: width, samples: columnSamples }, { relative, rms, dtype }),
    worst_column: judgeColumns
      ? worst(byColumn, { length: rows, samples: rowSamples }, { relative, rms, dtype })
      : null,
    error,
    noise,
    rms,
    max_error: Math.sqrt(maxError),
  };
  return { distance, exact: referenceNoise === 0 && count >= elementsForExactness, nonFinite, notNumbers };
}

/**
 * The lane (row or column, of `length` elements, of which `samples` are different ones) with the largest ratio. A lane
 * is a small sample, and the errors in it are correlated (one reciprocal square root serves a whole row), so its noise
 * is the largest of its own, the typical lane's and the whole tensor's relative noise at its magnitude; and its ratio
 * is lowered by the allowance that a chi distribution of its few independent errors needs: 1 + 4 / sqrt(n). A lane of
 * one element or two has no magnitude of its own (a sum whose terms cancel is as noisy as a large one): it has at least
 * the whole tensor's.
 */
function worst(
  all: Lanes,
  { length, samples }: { length: number; samples: number },
  { relative, rms, dtype }: { relative: number; rms: number; dtype: Triple["dtype"] },
): { index: number; ratio: number } {
  const typical = Math.max(relative, medianRelativeNoise(all));
  let found = { index: 0, ratio: 0 };
  for (let index = 0; index < all.error.length; index++) {
    const error = all.error[index]!;
    if (error === 0) continue;
    const size = Math.max(Math.sqrt(all.size[index]! / length), length < elementsForMagnitude ? rms : 0);
    const own = Math.sqrt(all.noise[index]! / length);
    const allowance = 1 + 4 / Math.sqrt(Math.min(independent(error, all.fourth[index]!), samples));
    const noise = Math.max(own, typical * size, halfUlp(dtype, size));
    const ratio = toRatio(Math.sqrt(error / length), noise * allowance);
    if (ratio > found.ratio) found = { index, ratio };
  }
  return found;
}

/** The number of elements that carry an error: (sum e^2)^2 / sum e^4, from 1 (a single one) to all (equal ones). */
function independent(squares: number, fourthPowers: number): number {
  return fourthPowers === 0 ? 1 : Math.max((squares * squares) / fourthPowers, 1);
}

/** Number of elements of a lane that are compared to tell it from others. */
const marks = 8;

/**
 * Counts the different ones among `count` lanes, those that are equal on all sides together: count^2 /
 * sum(multiplicity^2). The frames of padded audio are all the same, and one rounding error stands in all of them: they
 * are one sample. Lanes lie `step` elements apart, and have `length` elements `stride` apart.
 */
function differentLanes(
  sides: readonly Numbers[],
  { count, step, length, stride }: { count: number; step: number; length: number; stride: number },
): number {
  if (length < marks) return count; // so few may be equal by chance
  const places = Array.from({ length: marks }, (_, i) => Math.floor((i * length) / marks) * stride);
  const counts = new Map<number, number>();
  for (let start = 0; start < count * step; start += step) {
    let key = 0; // a sum with odd factors: the same for equal lanes, and hardly ever for others
    for (const values of sides) for (const place of places) key = key * 1.618033988749895 + values[start + place]!;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let squares = 0;
  for (const multiplicity of counts.values()) squares += multiplicity * multiplicity;
  return count ** 2 / Math.max(squares, 1);
}

function medianRelativeNoise({ noise, size }: Lanes): number {
  const relative = noise.map((value, index) => (size[index] === 0 ? 0 : value / size[index]!)).toSorted();
  return Math.sqrt(relative[relative.length >> 1] ?? 0);
}

/** Capped, also where squares or fourth powers of huge errors overflow to what is not a number. */
function toRatio(error: number, noise: number): number {
  if (error === 0) return 0;
  const ratio = error / noise;
  return ratio <= maxRatio ? ratio : maxRatio;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * True when every element has the same bits; NaN equals NaN here, and -0 differs from 0 in sign only: they count as
 * equal.
 */
export function bitEqual(a: Numbers, b: Numbers): boolean {
  for (let index = 0; index < a.length; index++)
    if (a[index] !== b[index] && !(Number.isNaN(a[index]) && Number.isNaN(b[index]))) return false;
  return true;
}

const listed = 8;
const histogramBins = 32;

/**
 * The second look at a failing site: its worst elements and the spread of its errors, |engine - oracle| / noise in
 * powers of two from 1/16.
 */
export function describeDifference(triple: Triple, shape: readonly number[], noise: number): Omit<Detail, "where"> {
  const { engine, oracle } = triple;
  const histogram = new Array<number>(histogramBins).fill(0);
  const worstFirst: { index: number; error: number }[] = [];
  for (let index = 0; index < oracle.length; index++) {
    const difference = Math.abs(engine[index]! - oracle[index]!);
    const error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    const power = error === 0 ? 0 : Math.floor(Math.log2(error / noise)) + 5;
    histogram[Math.min(Math.max(power, 0), histogramBins - 1)]! += 1;
    if (error > (worstFirst[listed - 1]?.error ?? 0)) {
      const place = worstFirst.findIndex((other) => error > other.error);
      worstFirst.splice(place < 0 ? worstFirst.length : place, 0, { index, error });
      worstFirst.length = Math.min(worstFirst.length, listed);
    }
  }
  return {
    worst_elements: worstFirst.map(({ index }) => elementAt(index, shape, { found: engine, expected: oracle })),
    histogram,
  };
}

/** One element of two tensors of a shape, by its place in memory. */
export function elementAt(
  index: number,
  shape: readonly number[],
  { found, expected }: { readonly found: Numbers; readonly expected: Numbers },
): Element {
  return { index: unravel(index, shape), found: spell(found[index]!), expected: spell(expected[index]!) };
}

function unravel(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place.unshift(index % shape[axis]!);
    index = Math.floor(index / shape[axis]!);
  }
  return place;
}

/** JSON has no NaN and no infinity. */
function spell(value: number): number | "NaN" | "Infinity" | "-Infinity" {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
