import { describe, expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { CacheLayer, KVCache, SlidingWindowCacheLayer } from "./kv_cache.ts";

/** Keys [1, 1, count, 1] with the values first, first + 1, ... */
const tokens = (first: number, count: number) =>
  floatTensor(
    [1, 1, count, 1],
    Float32Array.from({ length: count }, (_, i) => first + i),
  );
const kept = (layer: CacheLayer) => Array.from(layer.kept![0].data!);

describe("a sliding layer of window 4", () => {
  test("keeps 3 tokens; the attention reads kept and new ones", () => {
    const layer = new SlidingWindowCacheLayer(4);
    layer.update(tokens(0, 3), tokens(0, 3));
    expect(kept(layer)).toEqual([0, 1, 2]);
    expect(layer.get_mask_sizes(1)).toEqual({ kv_length: 4, kv_offset: 0 });
    const [read] = layer.update(tokens(3, 1), tokens(3, 1));
    expect(Array.from(read.data!)).toEqual([0, 1, 2, 3]);
    expect(kept(layer)).toEqual([1, 2, 3]);
    expect(layer.get_mask_sizes(2)).toEqual({ kv_length: 5, kv_offset: 1 });
  });

  test("a chunk longer than the window is read whole and kept in part", () => {
    const layer = new SlidingWindowCacheLayer(4);
    layer.update(tokens(0, 2), tokens(0, 2));
    const [read] = layer.update(tokens(2, 6), tokens(2, 6));
    expect(Array.from(read.data!)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(kept(layer)).toEqual([5, 6, 7]);
    expect(layer.cumulative_length).toBe(8);
  });
});

test("a full layer keeps everything", () => {
  const layer = new CacheLayer();
  layer.update(tokens(0, 5), tokens(0, 5));
  layer.update(tokens(5, 2), tokens(5, 2));
  expect(kept(layer)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(layer.get_mask_sizes(3)).toEqual({ kv_length: 10, kv_offset: 0 });
});

test("mask sizes follow the first layer of the kind, past layers without a cache", () => {
  const cache = new KVCache([null, new CacheLayer(), new SlidingWindowCacheLayer(3)]);
  for (const layer of [1, 2]) cache.update(tokens(0, 5), tokens(0, 5), layer);
  expect(cache.seq_length).toBe(5);
  expect(cache.get_mask_sizes(1, "full")).toEqual({ kv_length: 6, kv_offset: 0 });
  expect(cache.get_mask_sizes(1, "sliding")).toEqual({ kv_length: 3, kv_offset: 3 });
  expect(() => cache.update(tokens(0, 1), tokens(0, 1), 0)).toThrow("layer 0 shares the keys of another layer");
});

test("a restored cache holds what it held when it was saved, whatever came after", () => {
  const cache = new KVCache([null, new CacheLayer(), new SlidingWindowCacheLayer(4)]);
  const add = (first: number, count: number): void => {
    for (const layer of [1, 2]) cache.update(tokens(first, count), tokens(first, count), layer);
  };
  add(0, 3);
  const saved = cache.save();
  add(3, 5);
  cache.restore(saved);
  expect(cache.seq_length).toBe(3);
  expect(cache.layers.slice(1).map((layer) => kept(layer!))).toEqual([
    [0, 1, 2],
    [0, 1, 2],
  ]);
  add(9, 1);
  expect(kept(cache.layers[1]!)).toEqual([0, 1, 2, 9]);
  cache.restore(saved);
  expect(kept(cache.layers[2]!)).toEqual([0, 1, 2]);
});
