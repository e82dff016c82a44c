import { expect, test } from "vitest";
import type { Outline } from "../../../harness/engine/outline.ts";
import { literal } from "./literal.ts";
import { boolean, dimension, number, option } from "./values.ts";

const outline = { aliases: { hidden_size: "n_embd", num_attention_heads: "n_head" } } as unknown as Outline;
const written = (factors: string[] | null, divisors: string[] = [], constant = 1) =>
  dimension({ value: 96, factors, divisors, constant }, outline);

test("a size is a field, or a product of fields and of a number", () => {
  expect(written(["n_embd"])).toBe('"n_embd"');
  expect(written(["num_attention_heads", "head_dim"])).toBe('["num_attention_heads", "head_dim"]');
  expect(written(["n_embd"], [], 3)).toBe('[3, "n_embd"]');
});

test("the width of the model by the number of heads is head_dim, under the names of the config", () => {
  expect(written(["n_embd", "num_key_value_heads"], ["n_head"])).toBe('["num_key_value_heads", "head_dim"]');
});

test("what is no such product is left to be written, with its number", () => {
  const unknown = "96 /* not written: of which fields */";
  expect([written(null), written([]), written(["n_embd"], ["groups"])]).toEqual([unknown, unknown, unknown]);
});

test("numbers and switches are fields where they follow one", () => {
  expect(number({ value: 1e-5, field: "eps" })).toBe("this.config.eps");
  expect(number({ value: 1e-5, field: null })).toBe("0.00001");
  const switches = [true, "use_bias", "!use_bias"];
  expect(switches.map(boolean)).toEqual(["true", "this.config.use_bias", "!this.config.use_bias"]);
  expect(switches.map(option)).toEqual(["true", '"use_bias"', "!this.config.use_bias"]);
});

test("literals have keys without quotes and long numbers in groups", () => {
  expect(literal({ rope_theta: 1_000_000, list: [1, "a"], none: null })).toBe(
    '{ rope_theta: 1_000_000, list: [1, "a"], none: null }',
  );
});
