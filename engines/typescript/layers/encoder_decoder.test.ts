import { expect, test } from "vitest";
import { floatTensor } from "../tensor/tensor.ts";
import { cross_attention_states, EncoderDecoderCache } from "./encoder_decoder.ts";
import type { KeyValue } from "./kv_cache.ts";

const states = (value: number): KeyValue => {
  const tensor = floatTensor([1, 1, 1, 1], Float32Array.of(value));
  return [tensor, tensor];
};
const never = (): KeyValue => {
  throw new Error("made again");
};

test("what is made of the encoder's output is made once a layer, and kept", () => {
  const cache = new EncoderDecoderCache(2);
  expect(cross_attention_states(cache, 1, () => states(7))[0].data).toEqual(Float32Array.of(7));
  expect(cross_attention_states(cache, 1, never)[1].data).toEqual(Float32Array.of(7));
  expect(cross_attention_states(null, 1, () => states(8))[0].data).toEqual(Float32Array.of(8));
});

test("the sites of a layer are its own keys and values, then those of the encoder", () => {
  const cache = new EncoderDecoderCache(2);
  for (const layer of [0, 1]) {
    cache.update(...states(1), layer);
    cross_attention_states(cache, layer, () => states(2));
  }
  expect([...cache.tensors()].map(([name]) => name)).toEqual(
    [0, 1].flatMap((layer) => ["key", "value", "cross_key", "cross_value"].map((name) => `${layer}.${name}`)),
  );
});

test("a request that goes back to an earlier phase finds the encoder's as they were", () => {
  const cache = new EncoderDecoderCache(1);
  cache.update(...states(1), 0);
  cross_attention_states(cache, 0, () => states(2));
  const saved = cache.save();
  cache.update(...states(3), 0);
  cache.restore(saved);
  expect(cache.seq_length).toBe(1);
  expect(cross_attention_states(cache, 0, never)[0].data).toEqual(Float32Array.of(2));
});
