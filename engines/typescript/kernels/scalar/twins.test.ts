/** The kernels have the bits of their scalar twins, on every shape, and on one thread and several. */
import { afterAll, describe, expect, test } from "vitest";
import { drawUniform } from "../../../../harness/trace/draw.ts";
import { activate, activations as functions } from "../activations.ts";
import * as attention from "../attention.ts";
import * as elementwise from "../elementwise.ts";
import { gated_delta_rule } from "../gated_delta_rule.ts";
import { linear } from "../linear.ts";
import { KernelMemory, WORTH_THREADS } from "../memory.ts";
import * as normalization from "../normalization.ts";
import { PackedHalves } from "../packed.ts";
import { PagedStates } from "../pages.ts";
import { apply_rotary } from "../rotary.ts";
import { selective_scan } from "../selective_scan.ts";
import { softmax } from "../softmax.ts";
import { activations, exp, gelu, tanh } from "./exponential.ts";
import * as scalar from "./matmul.ts";
import * as recurrence from "./recurrence.ts";
import * as rows from "./rows.ts";

const draw = (name: string, count: number, size = 1) => drawUniform(3, name, count, -size, size);

/** Numbers of all magnitudes, with those at which functions change their method. */
const spread = Float32Array.from([
  ...draw("tiny", 50, 1e-3),
  ...draw("one", 200, 1),
  ...draw("ten", 200, 10),
  ...draw("hundred", 101, 100),
  ...[0, -0, 0.625, -0.625, 4, -4, 88.7, 89, 90, -87.5, -103.9, -104.5, 1e30, -1e30, Infinity, -Infinity, NaN, 1e-40],
]);

function expectSameBits(found: Float32Array, expected: Float32Array): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++)
    if (!Object.is(found[i], expected[i])) expect(`${i}: ${found[i]}`).toBe(`${i}: ${expected[i]}`);
}

describe("linear", () => {
  const shapes = [1, 2, 3, 4, 5, 7].flatMap((rows) =>
    [1, 3, 4, 5, 8, 100, 256, 300, 515, 600].map((inner) => ({ rows, inner, columns: (rows * 7 + inner) % 61 })),
  );

  test.each(shapes)("$rows x $inner x $columns", (sizes) => {
    const x = draw("x", sizes.rows * sizes.inner);
    const w = draw("w", sizes.columns * sizes.inner);
    const bias = sizes.inner % 2 === 0 ? draw("b", sizes.columns) : null;
    expectSameBits(linear(x, w, bias, sizes), scalar.linear(x, w, bias, sizes));
  });

  test.each([
    ["BF16", 1],
    ["BF16", 5],
    ["F16", 1],
    ["F16", 5],
  ] as const)("packed %s weights, %i rows, as the same numbers in float32", (format, rows) => {
    const sizes = { rows, inner: 303, columns: 19 };
    const halves = Uint16Array.from(draw("h", sizes.columns * sizes.inner), (x) => Math.floor((x + 1) * 32_768));
    const usable = halves.map((half) => ((half & 0x7c00) === 0x7c00 ? half & 0x83ff : half));
    const packed = new PackedHalves(format === "F16" ? usable : halves.map((half) => half & 0xbfff), format);
    const x = draw("x", sizes.rows * sizes.inner);
    expectSameBits(linear(x, packed, null, sizes), scalar.linear(x, packed.expand(), null, sizes));
  });

  test("a token has the same bits alone and among others", () => {
    const sizes = { rows: 9, inner: 700, columns: 70 };
    const [x, w] = [draw("x", 9 * 700), draw("w", 70 * 700)];
    const together = linear(x, w, null, sizes);
    for (let row = 0; row < 9; row++) {
      const alone = linear(x.subarray(row * 700, (row + 1) * 700), w, null, { ...sizes, rows: 1 });
      expectSameBits(alone, together.subarray(row * 70, (row + 1) * 70));
    }
  });
});

describe("attention", () => {
  const sizes = {
    batch: 2,
    queries: 3,
    keys: 300,
    heads: 4,
    stored_heads: 4,
    kv_heads: 2,
    stored_kv_heads: 2,
    dim: 22,
    stored_dim: 22,
  };
  const [query, key] = [draw("q", 2 * 4 * 3 * 22), draw("k", 2 * 2 * 300 * 22)];
  const probs = softmax(draw("p", 2 * 4 * 3 * 300), 300);

  test.each([
    ["as it is", sizes],
    ["one query", { ...sizes, queries: 1 }],
    ["fewer channels", { ...sizes, dim: 9 }],
    ["more channels than there are", { ...sizes, dim: 30 }],
    ["more key heads than there are", { ...sizes, kv_heads: 4 }],
    ["heads that are no multiple", { ...sizes, heads: 3, kv_heads: 2 }],
  ])("%s", (_, changed) => {
    expectSameBits(attention.attention_scores(query, key, changed), scalar.attention_scores(query, key, changed));
    expectSameBits(attention.attention_context(probs, key, changed), scalar.attention_context(probs, key, changed));
  });

  test("keys in pages", () => {
    const paged = PagedStates.from(key, { heads: 4, dim: 22 });
    expectSameBits(attention.attention_scores(query, paged, sizes), scalar.attention_scores(query, key, sizes));
    expectSameBits(attention.attention_context(probs, paged, sizes), scalar.attention_context(probs, key, sizes));
  });
});

describe("functions", () => {
  test.each(Object.keys(activations) as (keyof typeof activations)[])("%s", (name) => {
    expectSameBits(activate(spread, functions[name]), spread.map(activations[name]));
  });

  const ulps = (found: number, exact: number) =>
    Math.abs(found - exact) / 2 ** (Math.floor(Math.log2(Math.abs(exact))) - 23);

  test("exp, tanh and gelu are good to an ulp or two, where gelu does not cancel", () => {
    const x = [...draw("x", 4000, 10)];
    expect(Math.max(...x.map((value) => ulps(exp(value), Math.exp(value))))).toBeLessThan(1.5);
    expect(Math.max(...x.map((value) => ulps(tanh(value), Math.tanh(value))))).toBeLessThan(2);
    const right = x.filter((value) => value > 0);
    expect(Math.max(...right.map((value) => ulps(gelu(value), functions.gelu(value))))).toBeLessThan(2);
  });
});

describe("rows", () => {
  test.each([1, 2, 3, 4, 7, 64, 577])("of %i numbers", (width) => {
    const x = draw("x", 3 * width, 5);
    const [weight, bias] = [draw("w", width), draw("b", width)];
    expectSameBits(normalization.rms_norm(x, width, 1e-5), rows.rms_norm(x, width, 1e-5));
    for (const options of [
      { weight, bias, eps: 1e-5 },
      { weight, bias: null, eps: 1e-12 },
    ])
      expectSameBits(normalization.layer_norm(x, options), rows.layer_norm(x, options));
    expectSameBits(softmax(x, width), rows.softmax(x, width));
  });

  test.each([2, 6, 8, 22, 64])("rotary over %i channels", (dim) => {
    const [x, cos, sin] = [draw("x", 2 * 3 * dim), draw("c", 2 * dim), draw("s", 2 * dim)];
    const sizes = { heads: 3, dim };
    expectSameBits(apply_rotary(x, cos, sin, { ...sizes, round: null }), rows.rotary(x, cos, sin, sizes));
  });
});

describe("recurrences", () => {
  test.each([null, "a state"])("the gated delta rule, from %s", (start) => {
    const sizes = { batch: 2, length: 7, key_heads: 2, value_heads: 4, key_dim: 5, value_dim: 3 };
    const [rows, keys] = [2 * 7 * 4, 2 * 7 * 2 * 5];
    const inputs = {
      ...{ query: draw("q", keys), key: draw("k", keys), value: draw("v", rows * 3) },
      ...{ g: draw("g", rows), beta: draw("beta", rows) },
    };
    const state = start === null ? null : draw("state", 2 * 4 * 5 * 3);
    const [found, expected] = [
      gated_delta_rule(inputs, sizes, state),
      recurrence.gated_delta_rule(inputs, sizes, state),
    ];
    expectSameBits(found.out, expected.out);
    expectSameBits(found.state, expected.state);
  });

  test.each([null, "a state"])("the scan, from %s", (start) => {
    const sizes = { batch: 2, length: 6, heads: 4, groups: 2, dim: 3, state_size: 5 };
    const [rows, narrow] = [2 * 6 * 4, 2 * 6 * 2 * 5];
    const inputs = {
      ...{ x: draw("x", rows * 3), dt: draw("dt", rows), A: draw("A", 4), D: draw("D", 4) },
      ...{ B: draw("B", narrow), C: draw("C", narrow) },
    };
    const state = start === null ? null : draw("state", 2 * 4 * 3 * 5);
    const found = selective_scan(inputs, sizes, { state, round: null });
    const expected = selective_scan(inputs, sizes, { state, round: Math.fround });
    expectSameBits(found.y, expected.y);
    expectSameBits(found.state, expected.state);
  });
});

describe("elementwise", () => {
  const other = draw("o", spread.length, 3);

  test("add, mul, scale, mul_rows", () => {
    expectSameBits(
      elementwise.add(spread, other),
      spread.map((x, i) => x + other[i]!),
    );
    expectSameBits(
      elementwise.mul(spread, other),
      spread.map((x, i) => x * other[i]!),
    );
    expectSameBits(
      elementwise.scale(spread, 0.1),
      spread.map((x) => x * Math.fround(0.1)),
    );
    const [three, row] = [spread.subarray(0, 3 * 187), other.subarray(0, 187)];
    expectSameBits(
      elementwise.mul_rows(three, row),
      three.map((x, i) => x * row[i % 187]!),
    );
  });

  test("rounding to float16, ties and subnormal numbers too", () => {
    const numbers = Float32Array.from([
      ...spread,
      65519,
      65520,
      2 ** -25,
      3 * 2 ** -25,
      2 ** -14,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
    ]);
    expectSameBits(elementwise.round_in_place(numbers.slice(), "F16"), Float32Array.from(numbers, Math.f16round));
  });

  test("rounding to bfloat16 keeps an even number on ties", () => {
    const found = elementwise.round_in_place(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -1, 3.4e38, NaN), "BF16");
    expect([...found]).toEqual([1, 1 + 2 ** -6, -1, Infinity, NaN]);
  });
});

describe("threads", () => {
  const memory = new KernelMemory();
  const resident = (numbers: Float32Array) => {
    const array = new Float32Array(memory.memory.buffer, memory.reserve(numbers.byteLength)!, numbers.length);
    array.set(numbers);
    return array;
  };

  afterAll(() => memory.threads.close());

  test("have the bits of one", async () => {
    memory.threads.count = 3;
    await expect.poll(() => memory.threads.ready, { timeout: 600_000 }).toBe(true);
    const sizes = { rows: 40, inner: 260, columns: 130 };
    expect(sizes.rows * sizes.inner * sizes.columns).toBeGreaterThan(WORTH_THREADS);
    const [x, w] = [draw("x", 40 * 260), draw("w", 130 * 260)];
    expectSameBits(linear(x, resident(w), null, sizes), linear(x, w, null, sizes));
    const wide = resident(draw("wide", WORTH_THREADS + 1003, 4));
    expectSameBits(elementwise.mul(wide, wide), elementwise.mul(wide.slice(), wide.slice()));
    expectSameBits(activate(wide, functions.gelu), activate(wide.slice(), functions.gelu));
    const square = wide.subarray(0, 640 * 640);
    expectSameBits(softmax(square, 640), softmax(square.slice(), 640));
    expectSameBits(normalization.rms_norm(square, 640, 1e-6), normalization.rms_norm(square.slice(), 640, 1e-6));
  });
});
