import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { KVCache } from "./kv_cache.ts";
import { LinearAttentionCacheLayer } from "./linear_attention_cache.ts";

/** One channel of the given values. */
const channel = (...values: number[]) => floatTensor([1, 1, values.length], Float32Array.from(values));
const values = (tensor: { data: Float32Array | null } | null) => Array.from(tensor!.data!);

test("a prompt shorter than the kernel is padded with zeros", () => {
  const layer = new LinearAttentionCacheLayer();
  expect(values(layer.update_conv_state(channel(1, 2), 4))).toEqual([0, 0, 1, 2]);
  expect(values(layer.conv)).toEqual([0, 0, 1, 2]);
});

test("new tokens follow the kept ones, and as many as the kernel is wide are kept", () => {
  const layer = new LinearAttentionCacheLayer();
  layer.update_conv_state(channel(1, 2, 3, 4, 5), 4);
  expect(values(layer.conv)).toEqual([2, 3, 4, 5]);
  expect(values(layer.update_conv_state(channel(6), 4))).toEqual([2, 3, 4, 5, 6]);
  expect(values(layer.conv)).toEqual([3, 4, 5, 6]);
});

test("a cache goes back to the states that it had", () => {
  const layer = new LinearAttentionCacheLayer();
  const cache = new KVCache([null], [layer]);
  layer.update_conv_state(channel(1, 2), 2);
  layer.update_recurrent_state(channel(9));
  const saved = cache.save();
  layer.update_conv_state(channel(3), 2);
  layer.update_recurrent_state(channel(8));
  cache.restore(saved);
  expect([...cache.tensors()].map(([name, tensor]) => [name, values(tensor)])).toEqual([
    ["0.conv", [1, 2]],
    ["0.recurrent", [9]],
  ]);
});
