import { describe, expect, test } from "vitest";
import type { MaskTensor } from "../tensor/tensor.ts";
import { floatTensor, indexTensor } from "../tensor/tensor.ts";
import { CacheLayer, KVCache, SlidingWindowCacheLayer } from "./kv_cache.ts";
import type { MaskInputs } from "./masks.ts";
import { block_sequence_ids, MaskBuilder } from "./masks.ts";

const builder = new MaskBuilder({ sliding_window: 3, is_causal: true, shapesOnly: false });
const ones = (batch: number, length: number) => indexTensor([batch, length], new Int32Array(batch * length).fill(1));
const inputs = (length: number): MaskInputs => ({
  batch_size: 1,
  q_length: length,
  attention_mask: ones(1, length),
  cache: null,
});

/** Rows of the first sequence's mask, `#` = may be read. */
function drawMask(mask: MaskTensor): string[] {
  const [, , queries, keys] = mask.shape as [number, number, number, number];
  return Array.from({ length: queries }, (_, q) =>
    Array.from(mask.data!.subarray(q * keys, (q + 1) * keys), (value) => (value ? "#" : ".")).join(""),
  );
}

describe("without cache", () => {
  test("causal", () => expect(drawMask(builder.create_causal_mask(inputs(3)))).toEqual(["#..", "##.", "###"]));

  test("a window of 3 tokens holds the token itself and 2 before", () => {
    expect(drawMask(builder.create_sliding_window_causal_mask(inputs(5)))).toEqual([
      "#....",
      "##...",
      "###..",
      ".###.",
      "..###",
    ]);
  });

  test("in full attention tokens of one block also see those behind them", () => {
    const blocks = indexTensor([1, 4], Int32Array.of(-1, 0, 0, -1));
    expect(drawMask(builder.create_block_mask(inputs(4), blocks))).toEqual(["#...", "###.", "###.", "####"]);
  });

  test("blocks are the runs of wanted tokens, counted from 0 in each sequence", () => {
    const types = indexTensor([2, 5], Int32Array.of(1, 1, 0, 3, 1, 1, 0, 1, 1, 0));
    const blocks = block_sequence_ids(types, (type) => type === 1);
    expect([...blocks.data]).toEqual([0, 0, -1, -1, 1, 0, -1, 1, 1, -1]);
  });

  test("recurrent layers get the padding of the new tokens, where there is some", () => {
    const padded = { ...inputs(2), attention_mask: indexTensor([1, 4], Int32Array.of(0, 0, 0, 1)) };
    expect([...builder.create_recurrent_attention_mask(padded)!.data]).toEqual([0, 1]);
    expect(builder.create_recurrent_attention_mask({ ...padded, q_length: 1 })).toBeNull();
    expect(builder.create_recurrent_attention_mask(inputs(4))).toBeNull();
  });

  test("tokens of one vision block see each other, within the window; blocks don't mix", () => {
    const blocks = indexTensor([1, 7], Int32Array.of(-1, 0, 0, 0, 0, 1, 1));
    expect(drawMask(builder.create_sliding_window_block_mask(inputs(7), blocks))).toEqual([
      "#......",
      "#####..",
      "#####..",
      ".####..",
      "..###..",
      "...####",
      "....###",
    ]);
  });

  test("padding on the left is never read, and its own rows are empty", () => {
    const attention_mask = indexTensor([1, 4], Int32Array.of(0, 0, 1, 1));
    const mask = builder.create_causal_mask({ ...inputs(4), attention_mask });
    expect(drawMask(mask)).toEqual(["....", "....", "..#.", "..##"]);
  });

  test("all tokens see each other when the model is not causal; the window is then inclusive on both sides", () => {
    const both = new MaskBuilder({ sliding_window: 1, is_causal: false, shapesOnly: false });
    expect(drawMask(both.create_causal_mask(inputs(3)))).toEqual(["###", "###", "###"]);
    expect(drawMask(both.create_sliding_window_causal_mask(inputs(4)))).toEqual(["##..", "###.", ".###", "..##"]);
  });
});

test("with a cache, keys start where the cache starts", () => {
  const cache = new KVCache([new SlidingWindowCacheLayer(3), new CacheLayer()]);
  const keys = floatTensor([1, 1, 5, 1], new Float32Array(5));
  for (const layer of [0, 1]) cache.update(keys, keys, layer);
  const request = { batch_size: 1, q_length: 2, attention_mask: ones(1, 7), cache };
  expect(drawMask(builder.create_sliding_window_causal_mask(request))).toEqual(["###.", ".###"]);
  expect(drawMask(builder.create_causal_mask(request))).toEqual(["######.", "#######"]);
});

test("shapes only: no data", () => {
  const shapes = new MaskBuilder({ sliding_window: 3, is_causal: true, shapesOnly: true });
  expect(shapes.create_causal_mask(inputs(9))).toMatchObject({ shape: [1, 1, 9, 9], data: null });
});
