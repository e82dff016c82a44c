import { expect, test } from "vitest";
import { floatTensor, indexTensor } from "../tensor/tensor.ts";
import { ConfigReads, viewConfig } from "./config_view.ts";
import type { RotaryConfig } from "./rotary_embedding.ts";
import { RotaryEmbedding, apply_partial_rotary_pos_emb } from "./rotary_embedding.ts";
import type { Build } from "./scope.ts";
import { Construction, Scope } from "./scope.ts";

function rotary(rope_parameters: RotaryConfig["rope_parameters"]): RotaryEmbedding {
  const config = { head_dim: 8, max_position_embeddings: 16, rope_parameters };
  const reads = new ConfigReads();
  const build: Build = {
    context: { tracer: null, dtype: "F32", shapesOnly: false },
    weight: () => null,
    configFor: () => config,
    reads,
    modules: new Map(),
    weights: new Map(),
    tensors: [],
    problems: [],
  };
  const at = new Scope(new Construction(build), "rotary_emb");
  return new RotaryEmbedding(at, viewConfig(config, { scope: "", reads }));
}

/** Runs a forward whose last position is `length - 1` and returns the slowest frequency. */
function slowest(module: RotaryEmbedding, length: number): number {
  module.forward(floatTensor([1, 1, 1], new Float32Array(1)), indexTensor([1, 1], Int32Array.of(length - 1)));
  return module.rope.inv_freq.at(-1)!;
}

test("dynamic frequencies grow with the sequence, stay for a shorter one beyond the original, and come back below it", () => {
  const module = rotary({ rope_type: "dynamic", rope_theta: 100, factor: 2 });
  const original = slowest(module, 16);
  const grown = slowest(module, 32);
  expect(grown).toBeLessThan(original);
  expect(slowest(module, 20)).toBe(grown);
  expect(slowest(module, 15)).toBe(original);
});

test("longrope changes with the length of each forward", () => {
  const [short_factor, long_factor] = [
    [1, 1, 1, 1],
    [4, 4, 4, 4],
  ];
  const original_max_position_embeddings = 8;
  const module = rotary({
    rope_type: "longrope",
    rope_theta: 100,
    short_factor,
    long_factor,
    original_max_position_embeddings,
  });
  const short = slowest(module, 8);
  expect(slowest(module, 9)).toBe(Math.fround(short / 4));
  expect(slowest(module, 8)).toBe(short);
});

test("a partial rope leaves the channels behind it alone", () => {
  const x = floatTensor([1, 1, 1, 4], Float32Array.of(1, 2, 3, 4));
  const [cos, sin] = [floatTensor([1, 1, 2], Float32Array.of(0, 0)), floatTensor([1, 1, 2], Float32Array.of(1, 1))];
  expect([...apply_partial_rotary_pos_emb(x, cos, sin).data!]).toEqual([-2, 1, 3, 4]);
});
