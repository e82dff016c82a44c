import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawParameter, drawRange, drawUniform, streamKey, uniform, uniformBits } from "./draw.ts";
import { viewBytes } from "./tensor.ts";

fc.configureGlobal({ seed: 1 });

/** SHA-256 (first 16 digits) of the float32 bytes; `lockstep_engine/draw.py` is tested with the same constants. */
const vectors: [seed: number, name: string, shape: number[], sha256: string][] = [
  [0, "a.weight", [7, 5], "e3f58e66f44e2162"],
  [7, "model.embed_tokens.weight", [193, 40], "fbedd9898b6f0ada"],
  [4294967295, "x.bias", [9], "b206f35ad764d1cd"],
  [123456789012, "\u00FCn\u00EF.pos_embedding", [23, 2, 36], "2e4101c75f4ed295"],
  [3, "n.weight", [40], "7f4849c2df67044a"],
  [5, "s", [], "90b687174e4fbbbc"],
  [2, "model.layers.0.mlp.experts.gate_up_proj", [6, 44, 48], "452de5c84e0055ea"],
];

const two32 = 2n ** 32n;

/**
 * The generator once more, in whole numbers without bit tricks: the rule as a reader of the doc comments would write
 * it.
 */
const oracle = {
  mix(x: bigint): bigint {
    x = ((x ^ (x >> 16n)) * 0x7feb352dn) % two32;
    x = ((x ^ (x >> 15n)) * 0x846ca68bn) % two32;
    return x ^ (x >> 16n);
  },
  fnv1a(text: string): bigint {
    let hash = 0x811c9dc5n;
    for (const byte of Buffer.from(text, "utf8")) hash = ((hash ^ BigInt(byte)) * 0x01000193n) % two32;
    return hash;
  },
  key(seed: number, name: string): bigint {
    return oracle.mix(oracle.fnv1a(name) ^ oracle.mix((BigInt(seed) + 0x9e3779b9n) % two32));
  },
  bits(key: bigint, index: number): bigint {
    return oracle.mix((key + oracle.mix(BigInt(index) ^ key)) % two32);
  },
};

const anySeed = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 2 ** 32 });
const anyName = fc.string({ unit: "grapheme" });
const anyIndex = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe("the generator", () => {
  it.each(vectors)("draws seed %s, %s %j as the Python side does", (seed, name, shape, sha256) => {
    const bytes = viewBytes(drawParameter(seed, name, shape));
    expect(createHash("sha256").update(bytes).digest("hex").slice(0, 16)).toBe(sha256);
  });

  it("hashes names as published for FNV-1a", () => {
    expect(["", "a", "foobar"].map((text) => oracle.fnv1a(text))).toEqual([0x811c9dc5n, 0xe40c292cn, 0xbf9cf968n]);
  });

  it("keys streams as the oracle in whole numbers does", () => {
    fc.assert(fc.property(anySeed, anyName, (seed, name) => BigInt(streamKey(seed, name)) === oracle.key(seed, name)));
  });

  it("gives the bits of the oracle in whole numbers", () => {
    fc.assert(
      fc.property(
        anyIndex,
        anyIndex,
        (key, index) => BigInt(uniformBits(key, index)) === oracle.bits(BigInt(key), index),
      ),
    );
  });

  it("stays strictly between 0 and 1", () => {
    fc.assert(
      fc.property(anyIndex, anyIndex, (key, index) => {
        const value = uniform(key, index);
        expect(value > 0 && value < 1).toBe(true);
      }),
    );
  });

  it("is flat: 64,000 numbers in 64 bins, chi-square within five standard deviations", () => {
    const counts = new Array<number>(64).fill(0);
    for (let index = 0; index < 64_000; index++) counts[Math.floor(uniform(streamKey(1, "flat"), index) * 64)]! += 1;
    const chiSquare = counts.reduce((total, count) => total + (count - 1000) ** 2 / 1000, 0);
    expect(Math.abs(chiSquare - 63)).toBeLessThan(5 * Math.sqrt(2 * 63));
  });

  it("gives neighbours that are not correlated, along the index, the seed and the name", () => {
    const length = 20_000;
    const base = drawUniform(1, "layers.1", length + 1, -1, 1);
    const others = [
      base.subarray(1),
      drawUniform(2, "layers.1", length, -1, 1),
      drawUniform(1, "layers.2", length, -1, 1),
    ];
    for (const other of others) {
      let product = 0;
      for (let index = 0; index < length; index++) product += base[index]! * other[index]!;
      expect(Math.abs((3 * product) / length)).toBeLessThan(5 / Math.sqrt(length)); // variance of U(-1, 1) is 1/3
    }
  });
});

describe("drawUniform", () => {
  it("stays within its interval", () => {
    const bound = fc.float({ min: -1000, max: 1000, noNaN: true });
    fc.assert(
      fc.property(anySeed, anyName, bound, bound, (seed, name, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(drawUniform(seed, name, 50, low, high).every((value) => value >= low && value <= high)).toBe(true);
      }),
    );
  });

  it("gives an element that does not depend on how many are drawn", () => {
    fc.assert(
      fc.property(anySeed, anyName, fc.nat(80), fc.nat(80), (seed, name, a, b) => {
        const [short, long] = [Math.min(a, b), Math.max(a, b)];
        const whole = drawUniform(seed, name, long, -1, 1);
        expect(drawUniform(seed, name, short, -1, 1)).toEqual(whole.slice(0, short));
      }),
    );
  });

  it("gives a tensor that does not depend on what was drawn before", () => {
    const alone = drawUniform(3, "b", 20, -1, 1);
    drawUniform(3, "a", 7, -1, 1);
    expect(drawUniform(3, "b", 20, -1, 1)).toEqual(alone);
  });

  it("gives other numbers for another name or seed", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.nat(99), fc.nat(99), (seed, other, a, b) => {
        fc.pre(seed !== other || a !== b);
        const first = drawUniform(seed, `layers.${a}`, 8, -1, 1);
        expect(drawUniform(other, `layers.${b}`, 8, -1, 1)).not.toEqual(first);
      }),
    );
  });
});

describe("drawRange", () => {
  it.each<[string, number[], [number, number]]>([
    ["norm.weight", [8], [0.5, 1.5]],
    ["layer_scalar", [], [0.5, 1.5]],
    ["q_proj.bias", [8], [-0.4, 0.4]],
    ["embed.position_embedding", [8, 2], [-1, 1]],
    ["pos_emb", [8, 2], [-1, 1]],
    ["conv.weight", [8, 3, 4], [-0.5, 0.5]],
    ["mlp.experts.down_proj", [8, 5, 12], [-0.5, 0.5]], // 8 matrices
    ["block_sparse_moe.input_linear.weight", [8, 5, 12], [-0.5, 0.5]],
    ["mlp.experts.3.down_proj.weight", [5, 12], [-0.5, 0.5]],
    ["mlp.experts.down_proj_bias", [8, 12], [-0.5, 0.5]],
    ["lm_head.bias", [4, 3], [-1, 1]], // a matrix, whatever its name
  ])("%s %j", (name, shape, range) => {
    expect(drawRange(name, shape)).toEqual(range);
  });

  it("gives matrices a standard deviation of 1/sqrt(fan_in)", () => {
    const fanIn = 48;
    const values = drawParameter(0, "w.weight", [400, fanIn]);
    const meanSquare = values.reduce((total, value) => total + value ** 2, 0) / values.length;
    expect(meanSquare * fanIn).toBeCloseTo(1, 1);
  });
});
