import { expect, test } from "vitest";
import { configNumbers } from "./sizes.ts";
import { substituteField } from "./substitution.ts";

const config = {
  text_config: {
    hidden_size: 3840,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    num_global_key_value_heads: 1,
    head_dim: 256,
    global_head_dim: 512,
    vocab_size: 4096,
  },
};
const numbers = configNumbers(config, { least: 1 });

test("a field of value 1 that another was taken for is found by its name", () => {
  const read = ["text_config.per_layer_config[5].num_key_value_heads"];
  expect(substituteField(512, 4096, numbers, read)).toEqual({
    expected: { value: 1, field: "num_global_key_value_heads", over: null },
    found: { value: 8, field: "num_key_value_heads", over: null },
  });
});

test("a head size computed from the hidden size is recognised", () => {
  expect(substituteField(16 * 256, 3840, numbers, ["text_config.head_dim"])).toEqual({
    expected: { value: 256, field: "head_dim", over: null },
    found: { value: 240, field: "hidden_size", over: "num_attention_heads" },
  });
});

test("fields with nothing in common are not taken for one another", () => {
  expect(
    substituteField(
      8,
      16,
      [
        { path: "vocab_size", value: 8 },
        { path: "layers", value: 16 },
      ],
      [],
    ),
  ).toBeNull();
});
