import { expect, test } from "vitest";
import type { Outline } from "../../../harness/engine/outline.ts";
import { newImports } from "./imports.ts";
import { literal } from "./literal.ts";
import { boolean, number, sizeOf } from "./values.ts";

const outline = { aliases: { hidden_size: "n_embd", num_attention_heads: "n_head" } } as unknown as Outline;
const written = (factors: string[] | null, divisors: string[] = [], constant = 1) =>
  sizeOf({ value: 96, factors, divisors, constant }, outline, newImports());

test("a size is a product of fields, and of a number", () => {
  expect(written(["num_attention_heads", "head_dim"])).toBe('size(config, "num_attention_heads", "head_dim")');
  expect(written(["n_embd"], [], 3)).toBe('size(config, 3, "n_embd")');
});

test("the width of the model by the number of heads is head_dim, under the names of the config", () => {
  expect(written(["n_embd", "num_key_value_heads"], ["n_head"])).toBe(
    'size(config, "num_key_value_heads", "head_dim")',
  );
});

test("what is no such product is left to be written, with its number", () => {
  const unknown = "size(config, 96 /* not written: of which fields */)";
  expect([written(null), written([]), written(["n_embd"], ["groups"])]).toEqual([unknown, unknown, unknown]);
});

test("numbers and switches are fields where they follow one", () => {
  expect(number({ value: 1e-5, field: "eps" })).toBe("config.eps");
  expect(number({ value: 1e-5, field: null })).toBe("0.00001");
  expect([boolean(true), boolean("use_bias"), boolean("!use_bias")]).toEqual([
    "true",
    "config.use_bias",
    "!config.use_bias",
  ]);
});

test("literals have keys without quotes and long numbers in groups", () => {
  expect(literal({ rope_theta: 1_000_000, list: [1, "a"], none: null })).toBe(
    '{ rope_theta: 1_000_000, list: [1, "a"], none: null }',
  );
});
