import { halfUlp } from "../trace/dtype.ts";
import type { Detail, Distance } from "./verdict.ts";
import { maxRatio } from "./verdict.ts";

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
}

/** Fewer rows than this give no usable statistics per column. */
const rowsForColumns = 8;

/** Fewer elements than this may be exact by luck. */
const elementsForExactness = 16;

/** What `measure` found beyond the distance itself. */
export interface Measurement {
  readonly distance: Distance;
  /** The reference has no rounding error here at all: an engine must be bit-equal. */
  readonly exact: boolean;
  /** Elements that are not a number or infinite in one of engine and reference only. */
  readonly nonFinite: number;
}

/**
 * Distance of the engine from the float64 oracle in units of the reference's own rounding noise at this site:
 * `ratio = rms(engine - oracle) / max(rms(reference - oracle), half an ulp at rms(oracle))`, for the whole tensor, its worst
 * row and its worst column, so that an error confined to one token, head or channel can't hide in the mean.
 *
 * A row's noise is the larger of its own and its share of the whole tensor's (proportional to its magnitude): the errors
 * within a row are correlated (one reciprocal square root serves all of it), so one lucky row of the reference is no evidence.
 */
export function measure({ engine, reference, oracle, columns, dtype }: Triple): Measurement {
  const count = oracle.length;
  const width = Math.max(columns, 1);
  const rows = count === 0 ? 0 : count / width;
  const byRow = { error: new Float64Array(rows), noise: new Float64Array(rows), size: new Float64Array(rows) };
  const byColumn = { error: new Float64Array(width), noise: new Float64Array(width), size: new Float64Array(width) };
  let maxError = 0;
  let nonFinite = 0;
  for (let row = 0, index = 0; row < rows; row++) {
    let rowError = 0;
    let rowNoise = 0;
    let rowSize = 0;
    for (let column = 0; column < width; column++, index++) {
      const truth = oracle[index]!;
      const error = engine[index]! - truth;
      const noise = reference[index]! - truth;
      if (!Number.isFinite(error) || !Number.isFinite(noise)) {
        if (!Object.is(engine[index], reference[index])) nonFinite++;
        continue;
      }
      if (error > maxError) maxError = error;
      else if (-error > maxError) maxError = -error;
      rowError += error * error;
      rowNoise += noise * noise;
      rowSize += truth * truth;
      byColumn.error[column]! += error * error;
      byColumn.noise[column]! += noise * noise;
      byColumn.size[column]! += truth * truth;
    }
    byRow.error[row] = rowError;
    byRow.noise[row] = rowNoise;
    byRow.size[row] = rowSize;
  }
  const rms = Math.sqrt(sum(byRow.size) / Math.max(count, 1));
  const referenceNoise = Math.sqrt(sum(byRow.noise) / Math.max(count, 1));
  const noise = Math.max(referenceNoise, halfUlp(dtype, rms));
  const error = Math.sqrt(sum(byRow.error) / Math.max(count, 1));
  const distance: Distance = {
    ratio: toRatio(error, noise),
    worst_row: worst(byRow, width, noise, rms, dtype),
    worst_column: rows < rowsForColumns ? null : worst(byColumn, rows, noise, rms, dtype),
    error,
    noise,
    rms,
    max_error: maxError,
  };
  return { distance, exact: referenceNoise === 0 && count >= elementsForExactness, nonFinite };
}

/** The lane (row or column, `length` elements each) with the largest ratio. */
function worst(
  lanes: { readonly error: Float64Array; readonly noise: Float64Array; readonly size: Float64Array },
  length: number,
  noise: number,
  rms: number,
  dtype: Triple["dtype"],
): { index: number; ratio: number } {
  let found = { index: 0, ratio: 0 };
  for (let index = 0; index < lanes.error.length; index++) {
    const size = Math.sqrt(lanes.size[index]! / length);
    const share = rms === 0 ? noise : noise * (size / rms);
    const own = Math.sqrt(lanes.noise[index]! / length);
    const ratio = toRatio(Math.sqrt(lanes.error[index]! / length), Math.max(own, share, halfUlp(dtype, size)));
    if (ratio > found.ratio) found = { index, ratio };
  }
  return found;
}

function toRatio(error: number, noise: number): number {
  return error === 0 ? 0 : Math.min(error / noise, maxRatio);
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** True when every element has the same bits; NaN equals NaN here, and -0 differs from 0 in sign only: they count as equal. */
export function bitEqual(a: Numbers, b: Numbers): boolean {
  for (let index = 0; index < a.length; index++)
    if (a[index] !== b[index] && !(Number.isNaN(a[index]) && Number.isNaN(b[index]))) return false;
  return true;
}

const listed = 8;
const histogramBins = 32;

/** The second look at a failing site: its worst elements and the spread of its errors, |engine - oracle| / noise in powers of two from 1/16. */
export function describeDifference(triple: Triple, shape: readonly number[], noise: number): Detail {
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
    worst_elements: worstFirst.map(({ index }) => ({
      index: unravel(index, shape),
      found: spell(engine[index]!),
      expected: spell(oracle[index]!),
    })),
    histogram,
  };
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
