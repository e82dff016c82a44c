import { describe, expect, test } from "vitest";
import { drawUniform } from "../../../harness/trace/draw.ts";
import { activate, activations, erf } from "./activations.ts";
import type { AttentionSizes } from "./attention.ts";
import { attention_context, attention_scores, mask_scores } from "./attention.ts";
import { factorized_positions, gather_rows } from "./embedding.ts";
import { linear, linear_transposed } from "./linear.ts";
import { layer_norm, rms_norm } from "./normalization.ts";
import { apply_interleaved_rotary, apply_rotary, rotary_tables } from "./rotary.ts";
import { softmax } from "./softmax.ts";

const draw = (name: string, count: number) => drawUniform(7, name, count, -1, 1);

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, digits = 6): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(expected[i]!, digits);
}

describe("linear", () => {
  test.each([1, 3, 4, 7, 8])("with %i columns, a multiple of the block or not", (columns) => {
    const [rows, inner] = [3, 5];
    const [x, weight, bias] = [draw("x", rows * inner), draw("w", columns * inner), draw("b", columns)];
    const expected = Array.from({ length: rows * columns }, (_, i) => {
      const [m, n] = [Math.floor(i / columns), i % columns];
      let sum = bias[n]!;
      for (let k = 0; k < inner; k++) sum += x[m * inner + k]! * weight[n * inner + k]!;
      return sum;
    });
    expectClose(linear(x, weight, bias, { rows, inner, columns }), expected);
  });
});

test("linear_transposed is linear with the weight stored as [in, out]", () => {
  const [rows, inner, columns] = [3, 5, 7];
  const [x, weight, bias] = [draw("x", rows * inner), draw("w", columns * inner), draw("b", columns)];
  const stored = weight.map((_, i) => weight[(i % columns) * inner + Math.floor(i / columns)]!);
  const sizes = { rows, inner, columns };
  expectClose(linear_transposed(x, stored, bias, sizes), linear(x, weight, bias, sizes));
});

describe("normalization", () => {
  test("rms_norm adds eps to the mean of squares, per row", () => {
    const found = rms_norm(Float32Array.of(3, 4, 0, 2), 2, 0.5);
    expectClose(found, [3 / Math.sqrt(13), 4 / Math.sqrt(13), 0, 2 / Math.sqrt(2.5)]);
  });

  test("layer_norm without a bias", () => {
    const options = { weight: Float32Array.of(2, 3), bias: null, eps: 1 };
    expectClose(layer_norm(Float32Array.of(1, 3), options), [-2 / Math.SQRT2, 3 / Math.SQRT2]);
  });

  test("layer_norm uses the biased variance", () => {
    const options = { weight: Float32Array.of(2, 3), bias: Float32Array.of(0.5, -0.5), eps: 1 };
    expectClose(layer_norm(Float32Array.of(1, 3), options), [0.5 - 2 / Math.SQRT2, -0.5 + 3 / Math.SQRT2]);
  });
});

describe("rotary", () => {
  test("interleaved, pairs channel 2i with 2i + 1", () => {
    const [a, b] = [2, 0.5];
    const [cos, sin] = [Math.cos, Math.sin].map((f) => Float32Array.of(f(a), f(a), f(b), f(b))) as [
      Float32Array,
      Float32Array,
    ];
    const turned = [
      Math.cos(a) - 2 * Math.sin(a),
      2 * Math.cos(a) + Math.sin(a),
      3 * Math.cos(b) - 4 * Math.sin(b),
      4 * Math.cos(b) + 3 * Math.sin(b),
    ];
    const x = Float32Array.of(1, 2, 3, 4);
    expectClose(apply_interleaved_rotary(x, cos, sin, { heads: 1, dim: 4, round: Math.fround }), turned);
  });

  test("pairs channel i with i + dim / 2 and turns by position times frequency", () => {
    const { cos, sin } = rotary_tables(Int32Array.of(0, 2), Float32Array.of(1, 0.25), 1);
    const x = Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4);
    const [a, b] = [2, 0.5];
    const turned = [
      Math.cos(a) - 3 * Math.sin(a),
      2 * Math.cos(b) - 4 * Math.sin(b),
      3 * Math.cos(a) + Math.sin(a),
      4 * Math.cos(b) + 2 * Math.sin(b),
    ];
    expectClose(apply_rotary(x, cos, sin, { heads: 1, dim: 4, round: Math.fround }), [1, 2, 3, 4, ...turned]);
  });
});

test("softmax of large equal scores stays finite and sums to 1", () => {
  const lowest = -3.4028234663852886e38;
  expectClose(softmax(Float32Array.of(lowest, lowest, 0, Math.log(3)), 2), [0.5, 0.5, 0.25, 0.75]);
});

describe("activations", () => {
  test("erf against published values, on both sides of the switch of method", () => {
    expectClose([0, 0.5, -1, 2.4, 2.6, 7].map(erf), [0, 0.5204998778, -0.8427007929, 0.9993114861, 0.999763966, 1], 9);
  });

  test("gelu and its tanh approximation differ by up to 5e-4", () => {
    const x = Float32Array.of(-2, 1, 2);
    expectClose(activate(x, activations.gelu), [-0.0455003, 0.8413447, 1.9544997]);
    expectClose(activate(x, activations.gelu_pytorch_tanh), [-0.0454023, 0.841192, 1.9545977]);
  });

  test("silu", () => expectClose(activate(Float32Array.of(-1, 2), activations.silu), [-0.26894143, 1.76159416]));
});

describe("embedding", () => {
  test("gather_rows", () => {
    expect([...gather_rows(Float32Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(2, 0), 2)]).toEqual([5, 6, 1, 2]);
  });

  test("factorized_positions adds the x and the y row, and nothing for padding", () => {
    const table = Float32Array.of(1, 10, 2, 20, 3, 30); // places 0, 1, 2; axes x, y; width 1
    const found = factorized_positions(table, Int32Array.of(2, 0, 0, 1, -1, -1), { axes: 2, width: 1 });
    expect([...found]).toEqual([13, 21, 0]);
  });
});

describe("attention", () => {
  const sizes: AttentionSizes = {
    batch: 2,
    queries: 3,
    keys: 5,
    heads: 4,
    stored_heads: 4,
    kv_heads: 2,
    stored_kv_heads: 2,
    dim: 6,
    stored_dim: 6,
  };
  const query = draw("q", 2 * 4 * 3 * 6);
  const key = draw("k", 2 * 2 * 5 * 6);

  test("scores: query heads 0, 1 read key head 0, and 2, 3 head 1", () => {
    const expected: number[] = [];
    for (let b = 0; b < 2; b++)
      for (let h = 0; h < 4; h++)
        for (let s = 0; s < 3; s++)
          for (let t = 0; t < 5; t++) {
            let sum = 0;
            for (let d = 0; d < 6; d++)
              sum += query[((b * 4 + h) * 3 + s) * 6 + d]! * key[((b * 2 + (h < 2 ? 0 : 1)) * 5 + t) * 6 + d]!;
            expected.push(sum);
          }
    expectClose(attention_scores(query, key, sizes), expected);
  });

  test("context [B, S, heads, D] is the weighted sum of values", () => {
    const probs = softmax(draw("p", 2 * 4 * 3 * 5), 5);
    const expected: number[] = [];
    for (let b = 0; b < 2; b++)
      for (let s = 0; s < 3; s++)
        for (let h = 0; h < 4; h++)
          for (let d = 0; d < 6; d++) {
            let sum = 0;
            for (let t = 0; t < 5; t++)
              sum += probs[((b * 4 + h) * 3 + s) * 5 + t]! * key[((b * 2 + (h < 2 ? 0 : 1)) * 5 + t) * 6 + d]!;
            expected.push(sum);
          }
    expectClose(attention_context(probs, key, sizes), expected);
  });

  test("of wider heads the first channels are read", () => {
    const narrow = attention_scores(query, key, { ...sizes, dim: 2 });
    const cut = (x: Float32Array) => x.filter((_, i) => i % 6 < 2);
    expectClose(narrow, attention_scores(cut(query), cut(key), { ...sizes, dim: 2, stored_dim: 2 }));
  });

  test("a masked score vanishes in the softmax; a fully masked row stays finite", () => {
    const masked = mask_scores(Float32Array.of(5, 1, 2, 3), Uint8Array.of(0, 1, 0, 0), {
      batch: 1,
      heads: 1,
      lowest: -3e38,
    });
    expectClose(softmax(masked, 2), [0, 1, 0.5, 0.5]);
  });
});
