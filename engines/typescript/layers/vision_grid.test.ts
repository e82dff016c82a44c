import { expect, test } from "vitest";
import { floatTensor, indexTensor, maskTensor } from "../tensor/tensor.ts";
import {
  get_vision_cu_seqlens,
  get_vision_position_ids,
  get_vision_window_index,
  packed_mask,
  take_groups,
} from "./vision_grid.ts";

/** Values of transformers 5.24.0 for two frames of 4 x 6 patches and an image of 2 x 4. */
const grid_thw = indexTensor([2, 3], Int32Array.from([2, 4, 6, 1, 2, 4]));
const sizes = { spatial_merge_size: 2, window_size: 8, patch_size: 2 };

test("frames end where the next begins", () => {
  expect(get_vision_cu_seqlens(grid_thw)).toEqual([0, 24, 48, 56]);
});

test("windows at the edge of an image are smaller, and none is empty", () => {
  const { window_index, cu_window_seqlens } = get_vision_window_index(grid_thw, sizes);
  expect([...window_index]).toEqual([0, 1, 3, 4, 2, 5, 6, 7, 9, 10, 8, 11, 12, 13]);
  expect(cu_window_seqlens).toEqual([0, 16, 24, 40, 48, 56]);
});

test("patches of one token follow each other", () => {
  const { shape, data } = get_vision_position_ids(grid_thw, 2);
  expect(shape).toEqual([56, 2]);
  expect([...data.subarray(0, 16)]).toEqual([0, 0, 0, 1, 1, 0, 1, 1, 0, 2, 0, 3, 1, 2, 1, 3]);
  expect([...data.subarray(24, 32)]).toEqual([2, 0, 2, 1, 3, 0, 3, 1]); // the second row of tokens
  expect([...data.subarray(48, 56)]).toEqual([0, 0, 0, 1, 1, 0, 1, 1]); // the second frame
});

test("groups of rows are moved whole", () => {
  const rows = floatTensor([4, 1], Float32Array.from([1, 2, 3, 4]));
  expect([...take_groups(rows, Int32Array.from([1, 0]), 2).data!]).toEqual([3, 4, 1, 2]);
});

test("packed sequences see only themselves", () => {
  const mask = packed_mask({ shapesOnly: false }, [0, 1, 3]);
  expect(mask).toEqual(maskTensor([1, 1, 3, 3], Uint8Array.from([1, 0, 0, 0, 1, 1, 0, 1, 1])));
  expect(packed_mask({ shapesOnly: true }, [0, 1, 3]).data).toBeNull();
});
