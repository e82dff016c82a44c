import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SizeReading } from "../verdict/culprit.ts";
import { formulaText } from "../verdict/words/sizes.ts";
import { configNumbers, readSize } from "./sizes.ts";

fc.configureGlobal({ seed: 1 });

/** The numbers of the case that started the project (vllm#44494). */
const numbers = configNumbers({
  text_config: {
    hidden_size: 3840,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 256,
    global_head_dim: 512,
    num_global_key_value_heads: 4,
  },
});
const formula = (reading: SizeReading | null): string | null => reading && formulaText(reading);
const read = ["text_config.num_attention_heads", "text_config.per_layer_config[5].head_dim"];

describe("configNumbers", () => {
  it("lists whole numbers above 1 with their paths, in order", () => {
    const config = { a: { b: 16, c: { d: 2 } }, e: 1, f: 0.5, g: true, h: "8", i: [3, 4], j: null, k: -4, l: 7 };
    expect(configNumbers(config)).toEqual([
      { path: "a.b", value: 16 },
      { path: "a.c.d", value: 2 },
      { path: "l", value: 7 },
    ]);
  });

  it.each([null, "text", 5, [1, 2]])("of %j is nothing", (config) => {
    expect(configNumbers(config)).toEqual([]);
  });
});

describe("readSize", () => {
  it("reads a size by the axes that were merged into it", () => {
    expect(readSize(8192, { numbers, read, parts: [16, 512] })).toEqual({
      size: 8192,
      factors: [
        { value: 16, field: "num_attention_heads", over: null },
        { value: 512, field: "global_head_dim", over: null },
      ],
    });
  });

  it("reads the engine's size by its own axes", () => {
    const own = { numbers, read: ["text_config.num_attention_heads", "text_config.head_dim"], parts: [16, 256] };
    expect(formula(readSize(4096, own))).toBe("num_attention_heads 16 x head_dim 256");
  });

  it("takes no notice of axes that do not make the size", () => {
    const { factors } = readSize(4096, { numbers, read, parts: [16, 512] })!;
    expect(factors.map(({ value }) => value)).not.toEqual([512, 8]);
  });

  it("prefers a single field", () => {
    expect(formula(readSize(3840, { numbers, read: [] }))).toBe("hidden_size 3840");
  });

  it("prefers, among fields of one value, the one that the code reads", () => {
    const same = configNumbers({ a: 64, b: 64 });
    expect(formula(readSize(64, { numbers: same, read: ["b"] }))).toBe("b 64");
  });

  it("prefers, among products, the one whose fields the code reads", () => {
    const products = configNumbers({ a: 32, b: 128, c: 16, d: 256 });
    expect(formula(readSize(4096, { numbers: products, read: ["c", "d"] }))).toBe("c 16 x d 256");
  });

  it("takes a per-layer value for the field that fills it", () => {
    const kv = configNumbers({ other: 4, num_global_key_value_heads: 4 });
    expect(formula(readSize(4, { numbers: kv, read: ["per_layer_config[5].num_key_value_heads"] }))).toBe(
      "num_global_key_value_heads 4",
    );
  });

  it("reads a field times a small number", () => {
    expect(formula(readSize(2 * 3840, { numbers, read: [] }))).toBe("2 x hidden_size 3840");
  });

  it("is null when no field fits", () => {
    expect(readSize(7919, { numbers, read })).toBeNull();
  });

  it("gives factors whose product is the size, each named one a field of that value", () => {
    const values = fc.uniqueArray(fc.integer({ min: 2, max: 40 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(values, fc.nat(5), fc.nat(5), (all, a, b) => {
        const fields = configNumbers(Object.fromEntries(all.map((value, index) => [`field_${index}`, value])));
        const size = all[a % all.length]! * all[b % all.length]!;
        const { factors } = readSize(size, { numbers: fields, read: [] })!;
        expect(factors.reduce((product, { value }) => product * value, 1)).toBe(size);
        for (const { field: name, value } of factors)
          if (name !== null) expect(fields).toContainEqual({ path: name, value });
      }),
    );
  });
});
