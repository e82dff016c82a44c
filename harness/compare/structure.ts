import { machineEpsilon } from "../trace/dtypes.ts";
import type { Direction } from "../verdict/site.ts";
import type { Numbers } from "./distance.ts";

/** Rows below this number give no usable standard error. */
const rowsNeeded = 8;
/**
 * A direction counts when it is this many standard errors from zero, and this large: measured healthy sites stay far
 * below both together.
 */
const zLimit = 8;
const ulpLimit = 1;

/**
 * Rounding noise has no direction; a wrong constant has one. Tests the difference between an engine's output and the
 * reference module's output on the same input (both in the engine's dtype, so that roundings that the model itself
 * makes cancel) for its projection, row by row, on the output and on a constant. Rows are the sample: an unlucky
 * reciprocal square root moves one row, a wrong epsilon all of them.
 *
 * @returns the strongest direction that counts, or null.
 */
export function findDirection(options: {
  readonly engine: Numbers;
  readonly reference: Numbers;
  readonly columns: number;
  readonly dtype: keyof typeof machineEpsilon;
}): Direction | null {
  const { engine, reference, columns, dtype } = options;
  const rows = columns === 0 ? 0 : reference.length / columns;
  if (rows < rowsNeeded || columns < rowsNeeded) return null;
  const slopes: number[] = [];
  const offsets: number[] = [];
  for (let row = 0; row < rows; row++) {
    let [along, size, total] = [0, 0, 0];
    for (let index = row * columns; index < (row + 1) * columns; index++) {
      const value = reference[index]!;
      const difference = engine[index]! - value;
      along += difference * value;
      size += value * value;
      total += difference;
    }
    if (size === 0) continue; // padding
    slopes.push(along / size);
    offsets.push(total / columns / Math.sqrt(size / columns));
  }
  const ulp = machineEpsilon[dtype];
  const found = [direction("scale", slopes, ulp), direction("offset", offsets, ulp)].filter((one) => one !== null);
  return found.toSorted((a, b) => Math.abs(b.z) - Math.abs(a.z))[0] ?? null;
}

function direction(kind: Direction["kind"], samples: readonly number[], ulp: number): Direction | null {
  const count = samples.length;
  if (count < rowsNeeded) return null;
  const mean = samples.reduce((total, value) => total + value, 0) / count;
  const variance = samples.reduce((total, value) => total + (value - mean) ** 2, 0) / (count - 1);
  // No sample is known better than a rounding of one element: without this floor, equal rows would prove anything.
  const error = Math.sqrt(variance / count) + (ulp * 0.05) / Math.sqrt(count);
  const z = mean / error;
  return Math.abs(z) > zLimit && Math.abs(mean) > ulpLimit * ulp ? { kind, ulp: mean / ulp, z } : null;
}
