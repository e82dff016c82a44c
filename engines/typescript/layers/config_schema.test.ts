import { expect, test } from "vitest";
import { z } from "zod";
import { configSchema, count, layer_type, layerTypes, rope_fields, standardize_rope_params } from "./config_schema.ts";

const Config = configSchema({
  hidden_size: count.default(16),
  num_hidden_layers: count.default(3),
  max_position_embeddings: count.default(64),
  sliding_window: count.nullable().default(null),
  layer_types: z.array(layer_type).nullish(),
  ...rope_fields,
}).transform((fields, context) => ({
  ...standardize_rope_params(fields, 500_000),
  layer_types: layerTypes(fields, context, (i) => (i % 2 === 0 ? "full_attention" : "sliding_attention")),
}));

const parse = (changes: object) => Config.parse({ sliding_window: 5, ...changes });

test("an unknown key is refused, an inert one dropped", () => {
  expect(() => parse({ hidden_sizes: 8 })).toThrow(/hidden_sizes/);
  expect(parse({ torch_dtype: "bfloat16" })).not.toHaveProperty("torch_dtype");
});

test("new and old names of rope parameters come to the same", () => {
  const expected = { rope_type: "linear", factor: 2, rope_theta: 7, partial_rotary_factor: 0.5 };
  const rope_parameters = { ...expected };
  expect(parse({ rope_parameters }).rope_parameters).toEqual(expected);
  const old = { rope_theta: 7, partial_rotary_factor: 0.5, rope_scaling: { type: "linear", factor: 2 } };
  expect(parse(old).rope_parameters).toEqual(expected);
});

test("rope_theta in the parameters goes before the older field, which goes before the class's own", () => {
  expect(parse({ rope_theta: 3, rope_parameters: { rope_theta: 7 } }).rope_parameters.rope_theta).toBe(7);
  expect(parse({ rope_theta: 3 }).rope_parameters.rope_theta).toBe(3);
  expect(parse({}).rope_parameters).toEqual({ rope_type: "default", rope_theta: 500_000 });
});

test("scaled ropes without an original length have the model's", () => {
  const rope_scaling = { rope_type: "yarn", factor: 2 };
  expect(parse({ rope_scaling }).rope_parameters.original_max_position_embeddings).toBe(64);
});

test("layer types are derived, and checked when they are given", () => {
  expect(parse({}).layer_types).toEqual(["full_attention", "sliding_attention", "full_attention"]);
  expect(() => parse({ layer_types: ["full_attention"] })).toThrow(/expected 3 entries/);
  expect(() => parse({ sliding_window: null })).toThrow(/need one/);
});
