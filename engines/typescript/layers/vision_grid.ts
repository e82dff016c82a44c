/**
 * Patches of images and videos of any size, one behind the other, as `grid_thw` [items, 3] describes them: the patches
 * of each item in time, height and width. Within a frame, patches that are merged into one token follow each other.
 * Source: transformers 5.24.0, `vision_utils.py`; the functions carry its names.
 */
import type { IndexTensor, MaskTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor, maskTensor } from "../tensor/tensor.ts";
import { reshape } from "../tensor/layout.ts";
import { takeRows } from "../tensor/select.ts";

/** The patches of one item. */
export type Grid = readonly [t: number, h: number, w: number];

/** The rows of `grid_thw` [items, 3]. */
export function grids(grid_thw: IndexTensor): Grid[] {
  return Array.from({ length: grid_thw.size(0) }, (_, item) => {
    const [t = 0, h = 0, w = 0] = grid_thw.data.subarray(3 * item, 3 * item + 3);
    return [t, h, w];
  });
}

/** The places where frames begin, and the end of the last one: [0, ..., patches]. */
export function get_vision_cu_seqlens(grid_thw: IndexTensor): number[] {
  const lengths = grids(grid_thw).flatMap(([t, h, w]) => new Array<number>(t).fill(h * w));
  return cumulative(lengths);
}

/** Row and column [patches, 2] of every patch. */
export function get_vision_position_ids(grid_thw: IndexTensor, spatial_merge_size: number): IndexTensor {
  const merge = spatial_merge_size;
  const positions = grids(grid_thw).flatMap(([t, h, w]) =>
    Array.from({ length: t * h * w }, (_, patch) => {
      const block = Math.floor(patch / merge ** 2);
      const [down, across] = [Math.floor(block / (w / merge)) % (h / merge), block % (w / merge)];
      const [row, column] = [Math.floor(patch / merge) % merge, patch % merge]; // in the block
      return [down * merge + row, across * merge + column];
    }),
  );
  return indexTensor([positions.length, 2], Int32Array.from(positions.flat()));
}

/** The sizes by which tokens (merged patches) are cut into windows. */
export interface WindowSizes {
  readonly spatial_merge_size: number;
  readonly window_size: number;
  readonly patch_size: number;
}

/**
 * Tokens in the order of their windows, and where windows begin and the last one ends, in patches: [0, ..., patches].
 */
export function get_vision_window_index(
  grid_thw: IndexTensor,
  { spatial_merge_size, window_size, patch_size }: WindowSizes,
): { window_index: Int32Array; cu_window_seqlens: number[] } {
  const side = Math.floor(Math.floor(window_size / spatial_merge_size) / patch_size); // in tokens
  const window_index: number[] = [];
  const lengths: number[] = [];
  for (const [t, h, w] of grids(grid_thw)) {
    const [rows, columns] = [Math.floor(h / spatial_merge_size), Math.floor(w / spatial_merge_size)];
    const first = window_index.length;
    for (let frame = 0; frame < t; frame++)
      for (let top = 0; top < rows; top += side)
        for (let left = 0; left < columns; left += side) {
          const before = window_index.length;
          for (let row = top; row < Math.min(top + side, rows); row++)
            for (let column = left; column < Math.min(left + side, columns); column++)
              window_index.push(first + (frame * rows + row) * columns + column);
          lengths.push((window_index.length - before) * spatial_merge_size ** 2);
        }
  }
  return { window_index: Int32Array.from(window_index), cu_window_seqlens: cumulative(lengths) };
}

/** Rows of `x` [patches, D] in the order of `index`, each of which stands for `unit` of them. */
export function take_groups(x: Tensor, index: Int32Array, unit: number): Tensor {
  const [patches, width] = x.shape as [number, number];
  return reshape(takeRows(reshape(x, [patches / unit, unit * width]), index), [patches, width]);
}

/**
 * The mask [1, 1, S, S] of sequences that lie one behind the other, from `cu_seqlens[i]` to `cu_seqlens[i + 1]`, and
 * see only themselves.
 */
export function packed_mask(
  { shapesOnly }: { readonly shapesOnly: boolean },
  cu_seqlens: readonly number[],
): MaskTensor {
  const length = cu_seqlens.at(-1)!;
  const shape = [1, 1, length, length];
  if (shapesOnly) return maskTensor(shape, null);
  const mask = new Uint8Array(length ** 2);
  for (const [sequence, end] of cu_seqlens.entries())
    for (let row = cu_seqlens[sequence - 1] ?? 0; row < end; row++)
      mask.fill(1, row * length + cu_seqlens[sequence - 1]!, row * length + end);
  return maskTensor(shape, mask);
}

function cumulative(lengths: readonly number[]): number[] {
  const ends = [0];
  for (const length of lengths) ends.push(ends.at(-1)! + length);
  return ends;
}
