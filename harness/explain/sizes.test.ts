import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
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
      formula: "num_attention_heads 16 x global_head_dim 512",
    });
  });

  it("reads the engine's size by its own axes", () => {
    const own = { numbers, read: ["text_config.num_attention_heads", "text_config.head_dim"], parts: [16, 256] };
    expect(readSize(4096, own)?.formula).toBe("num_attention_heads 16 x head_dim 256");
  });

  it("takes no notice of axes that do not make the size", () => {
    expect(readSize(4096, { numbers, read, parts: [16, 512] })?.formula).not.toContain("512 x");
  });

  it("prefers a single field", () => {
    expect(readSize(3840, { numbers, read: [] })?.formula).toBe("hidden_size 3840");
  });

  it("prefers, among fields of one value, the one that the code reads", () => {
    const same = configNumbers({ a: 64, b: 64 });
    expect(readSize(64, { numbers: same, read: ["b"] })?.formula).toBe("b 64");
  });

  it("prefers, among products, the one whose fields the code reads", () => {
    const products = configNumbers({ a: 32, b: 128, c: 16, d: 256 });
    expect(readSize(4096, { numbers: products, read: ["c", "d"] })?.formula).toBe("c 16 x d 256");
  });

  it("takes a per-layer value for the field that fills it", () => {
    const kv = configNumbers({ other: 4, num_global_key_value_heads: 4 });
    expect(readSize(4, { numbers: kv, read: ["per_layer_config[5].num_key_value_heads"] })?.formula).toBe(
      "num_global_key_value_heads 4",
    );
  });

  it("reads a field times a small number", () => {
    expect(readSize(2 * 3840, { numbers, read: [] })?.formula).toBe("2 x hidden_size 3840");
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
        const { formula } = readSize(size, { numbers: fields, read: [] })!;
        const factors = formula.split(" x ").map((factor) => factor.split(" "));
        expect(factors.reduce((product, words) => product * Number(words.at(-1)), 1)).toBe(size);
        for (const [name, value] of factors.filter((words) => words.length === 2))
          expect(fields).toContainEqual({ path: name, value: Number(value) });
      }),
    );
  });
});
