import type { Site } from "../trace/site.ts";
import type { Triple } from "./distance.ts";
import type { Picture } from "../verdict/site.ts";
import { axisName } from "../trace/functional-sites.ts";

/** Cells at most, so that a report with many failing cases stays small. */
const mostRows = 12;
const mostColumns = 24;

/**
 * A tensor side by side: heads by tokens where it has heads, else tokens by channels; each cell is the rms over what it
 * stands for, of what was expected and found, and of the error in units of noise. Null for what has fewer than two rows
 * and columns.
 */
export function drawPicture(
  site: Site,
  shape: readonly number[],
  { engine, oracle, noise }: Pick<Triple, "engine" | "oracle"> & { readonly noise: number },
): Picture | null {
  const names = shape.map((_, axis) => axisName(site, shape.length, axis));
  const head = names.indexOf("head");
  const token = names.findIndex((name) => name === "token" || name === "query");
  const down = head >= 0 ? head : token >= 0 ? token : shape.length - 2;
  const across = head >= 0 && token >= 0 ? token : shape.length - 1;
  const [height, width] = [shape[down] ?? 1, shape[across] ?? 1];
  if (down < 0 || down === across || height * width < 4) return null;
  const [rows, columns] = [Math.min(height, mostRows), Math.min(width, mostColumns)];
  const [downStride, acrossStride] = [strideOf(shape, down), strideOf(shape, across)];
  const cells = rows * columns;
  const [found, expected, error, count] = Array.from({ length: 4 }, () => new Float64Array(cells)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let index = 0; index < oracle.length; index++) {
    const row = Math.floor(((Math.floor(index / downStride) % height) * rows) / height);
    const column = Math.floor(((Math.floor(index / acrossStride) % width) * columns) / width);
    const cell = row * columns + column;
    found[cell]! += engine[index]! ** 2;
    expected[cell]! += oracle[index]! ** 2;
    error[cell]! += (engine[index]! - oracle[index]!) ** 2;
    count[cell]! += 1;
  }
  const rms = (squares: Float64Array, unit: number, digits: number): (number | null)[] =>
    Array.from(squares, (sum, cell) => {
      const value = Math.sqrt(sum / count[cell]!) / unit;
      return Number.isFinite(value) ? Number(value.toPrecision(digits)) : null;
    });
  return {
    rows: { name: names[down]!, size: height, cells: rows },
    columns: { name: names[across]!, size: width, cells: columns },
    found: rms(found, 1, 3),
    expected: rms(expected, 1, 3),
    error: rms(error, noise, 2),
  };
}

function strideOf(shape: readonly number[], axis: number): number {
  return shape.slice(axis + 1).reduce((product, size) => product * size, 1);
}
