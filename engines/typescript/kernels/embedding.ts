import { floats } from "./memory.ts";
import type { WeightArray } from "./packed.ts";
import { PackedHalves } from "./packed.ts";

/** Rows `ids` of `table` [rows, width]: [ids, width]. The caller has checked that every id is a row. */
export function gather_rows(table: WeightArray, ids: Int32Array, width: number): Float32Array {
  const out = floats(ids.length * width);
  for (let i = 0; i < ids.length; i++) {
    const row = table.subarray(ids[i]! * width, (ids[i]! + 1) * width);
    out.set(row instanceof PackedHalves ? row.expand() : row, i * width);
  }
  return out;
}

/**
 * Factorised position embeddings: for each row of `positions` [rows, axes], the sum over the axes of `table` [places,
 * axes, width] at (position, axis). An axis with position -1 adds nothing.
 */
export function factorized_positions(
  table: Float32Array,
  positions: Int32Array,
  { axes, width }: { axes: number; width: number },
): Float32Array {
  const rows = positions.length / axes;
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    for (let axis = 0; axis < axes; axis++) {
      const position = positions[row * axes + axis]!;
      if (position === -1) continue;
      const start = (Math.max(position, 0) * axes + axis) * width;
      for (let i = 0; i < width; i++) out[row * width + i]! += table[start + i]!;
    }
  return out;
}
