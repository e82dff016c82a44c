import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { elementCount } from "../trace/tensor.ts";
import type { TokenMask } from "./padding.ts";
import { hidePadding, paddingNotNumbers, tokenAxes } from "./padding.ts";

fc.configureGlobal({ seed: 1 });

/** The token mask of one phase: for each sequence the number of padding tokens on its left. */
function leftPadded(padding: readonly number[], length: number, start: number, end: number): TokenMask {
  const mask = padding.flatMap((count) => Array.from({ length }, (_, token) => (token < count ? 0 : 1)));
  return { batch: padding.length, start, end, mask, length };
}

/** Indices of the elements that are hidden in a tensor of this shape. */
function hidden(site: string, shape: readonly number[], tokens: TokenMask): number[] {
  const values = new Float32Array(elementCount(shape)).fill(1);
  hidePadding(site, shape, tokens, values);
  return [...values.keys()].filter((index) => values[index] === 0);
}

/**
 * Returns the flat indices that must be hidden, from first principles: element by element, by the position of the token
 * on each of its axes.
 */
function expected(shape: readonly number[], axes: readonly number[], { mask, length, end }: TokenMask): number[] {
  const place = (index: number) =>
    shape.map((size, axis) => Math.floor(index / elementCount(shape.slice(axis + 1))) % size);
  return [...Array(elementCount(shape)).keys()].filter((index) => {
    const at = place(index);
    return axes.some((axis) => mask[at[0]! * length + end - shape[axis]! + at[axis]!] === 0);
  });
}

const anyTokens = fc
  .record({ length: fc.integer({ min: 1, max: 7 }), batch: fc.integer({ min: 1, max: 3 }) })
  .chain(({ length, batch }) =>
    fc.record({
      padding: fc.array(fc.nat(length), { minLength: batch, maxLength: batch }),
      length: fc.constant(length),
      slice: fc.tuple(fc.nat(length - 1), fc.integer({ min: 1, max: length })),
    }),
  )
  .filter(({ slice: [start, end] }) => start < end)
  .map(({ padding, length, slice: [start, end] }) => leftPadded(padding, length, start, end));

describe("hidePadding", () => {
  it.each<[string, number[], (queries: number, keys: number) => number[]]>([
    ["model.layers.0:out", [1], (queries) => [queries, 3]],
    ["logits", [1], (queries) => [queries, 5]],
    ["model.layers.0.self_attn#q_rope", [2], (queries) => [2, queries, 3]],
    ["model.layers.0.self_attn#value", [2], (queries) => [1, queries, 3]],
    ["model.layers.0.self_attn#context", [1], (queries) => [queries, 2, 3]],
    ["model.layers.0.self_attn#probs", [2], (queries, keys) => [2, queries, keys]],
    ["model.layers.0.self_attn#mask", [2], (queries, keys) => [1, queries, keys]],
    ["cache.3.key", [2], (_, keys) => [1, keys, 3]],
  ])("hides the padding of %s, and nothing else", (site, axes, rest) => {
    fc.assert(
      fc.property(anyTokens, (tokens) => {
        const shape = [tokens.batch, ...rest(tokens.end - tokens.start, tokens.end)];
        expect(hidden(site, shape, tokens)).toEqual(expected(shape, axes, tokens));
      }),
    );
  });

  it("hides nothing where nothing is padded", () => {
    expect(hidden("logits", [2, 3, 4], leftPadded([0, 0], 3, 0, 3))).toEqual([]);
  });

  it("follows the phase: a decode step after the padding is all real", () => {
    const tokens = leftPadded([2, 0], 5, 4, 5);
    expect(hidden("logits", [2, 1, 2], tokens)).toEqual([]);
  });

  it("counts keys from the end, as a sliding cache keeps the last ones", () => {
    const tokens = leftPadded([3, 0], 5, 4, 5); // positions 0, 1, 2 of the first sequence are padding
    expect(hidden("cache.0.key", [2, 1, 3, 1], tokens)).toEqual([0]); // keeps positions 2, 3, 4
  });

  it("hides both the query rows and the key columns of attention", () => {
    expect(hidden("a#scores", [1, 1, 2, 2], leftPadded([1], 2, 0, 2))).toEqual([0, 1, 2]);
  });
});

describe("tokenAxes", () => {
  const tokens = leftPadded([1, 0], 6, 0, 6);

  it.each<[string, number[], number[]]>([
    ["model.vision_tower:out", [3, 6, 8], []], // 3 images, not 2 sequences
    ["model.vision_tower:out", [2, 9, 8], []], // 9 patches, not 6 tokens
    ["model.layers.0.mlp.experts:in", [12, 8], []], // flattened tokens
    ["model.layers.0:out", [2, 6, 8], [1]],
    ["inputs#position_ids", [2, 6], [1]],
  ])("of %s %j are %j", (site, shape, axes) => {
    expect(tokenAxes(site, shape, tokens)).toEqual(axes);
  });
});

describe("rows of all sequences in one axis, as routers see them", () => {
  it("are hidden by sequence and token", () => {
    const tokens = leftPadded([1, 0], 3, 0, 3);
    expect(hidden("model.layers.0.mlp.gate:out", [6, 2], tokens)).toEqual([0, 1]);
  });

  it("are the sequences themselves in a decode step", () => {
    expect(hidden("model.layers.0.mlp.gate:out", [2, 2], leftPadded([1, 0], 3, 2, 3))).toEqual([]);
    expect(hidden("model.layers.0.mlp.gate:out", [2, 2], leftPadded([1, 0], 3, 0, 1))).toEqual([0, 1]);
  });
});

it("the state of a recurrence is hidden nowhere: its axes are no tokens", () => {
  expect(hidden("cache.0.recurrent", [2, 4, 3, 3], leftPadded([1, 0], 3, 0, 3))).toEqual([]);
});

it("hides no place of an encoder, which has more of them than there are tokens", () => {
  const tokens = leftPadded([0, 2], 4, 0, 4);
  const queries = [...Array(14).keys()].map((index) => 28 + index); // of the second sequence, the first two tokens
  expect(hidden("model.decoder.layers.0.encoder_attn#scores", [2, 1, 4, 7], tokens)).toEqual(queries);
  expect(hidden("model.encoder.layers.0:out", [2, 7, 3], tokens)).toEqual([]);
});

test("what a norm of queries gets has its tokens behind the heads", () => {
  const tokens = leftPadded([0, 2], 5, 0, 5);
  expect(tokenAxes("model.layers.0.self_attn.q_norm:in", [2, 3, 5, 4], tokens)).toEqual([2]);
});

describe("paddingNotNumbers", () => {
  const tokens = leftPadded([0, 2], 4, 0, 4);
  const count = (engine: number[], reference = [1, 1, 1, 1, 1, 1, 1, 1]) =>
    paddingNotNumbers("m:out", [2, 4, 1], tokens, {
      engine: Float32Array.from(engine),
      reference: Float32Array.from(reference),
    });
  const nan = Number.NaN;

  it("counts what is not a number in padding, and not in real tokens", () => {
    expect(count([nan, 1, 1, 1, nan, nan, 1, 1])).toBe(2);
  });

  it("counts nothing that the reference has too, or that is a number", () => {
    const found = [1, 1, 1, 1, nan, Number.NEGATIVE_INFINITY, 1, 1];
    expect([count(found, found), count([1, 1, 1, 1, 1, Number.NEGATIVE_INFINITY, 1, 1])]).toEqual([0, 0]);
  });
});
