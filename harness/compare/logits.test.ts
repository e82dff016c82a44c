import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareLogits } from "./logits.ts";
import { maxRatio } from "../verdict/numbers.ts";

fc.configureGlobal({ seed: 1 });

const { log, exp } = Math;
const minusInfinity = Number.NEGATIVE_INFINITY;

function compare(engine: number[], reference: number[], vocabulary = reference.length) {
  return compareLogits("prefill", Float64Array.from(engine), Float64Array.from(reference), vocabulary);
}

describe("KL", () => {
  it("is that of two coins, by hand", () => {
    const { mean_kl: kl } = compare([log(0.5), log(0.5)], [log(0.25), log(0.75)]);
    expect(kl).toBeCloseTo(0.25 * log(0.5) + 0.75 * log(1.5), 14);
  });

  it("goes from the reference to the engine, not the other way", () => {
    const [uniform, skewed] = [
      [0, 0],
      [0, log(9)],
    ];
    expect(compare(uniform, skewed).mean_kl).toBeCloseTo(0.1 * log(0.2) + 0.9 * log(1.8), 14);
    expect(compare(skewed, uniform).mean_kl).toBeCloseTo(0.5 * log(5) + 0.5 * log(5 / 9), 14);
  });

  it("is that of probabilities computed the plain way", () => {
    const row = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(row, row, (engine, reference) => {
        fc.pre(reference.some((logit) => logit !== 0));
        const [q, p] = [engine, reference].map((logits) => {
          const total = logits.reduce((sum, logit) => sum + exp(logit), 0);
          return logits.map((logit) => exp(logit) / total);
        });
        const expected = p!.reduce((sum, probability, index) => sum + probability * log(probability / q![index]!), 0);
        expect(compare(engine, reference).mean_kl).toBeCloseTo(Math.max(expected, 0), 9);
      }),
    );
  });

  it("does not change when a constant is added to all logits, however large", () => {
    expect(compare([1001, 1002], [1, 3]).mean_kl).toBeCloseTo(compare([1, 2], [1001, 1003]).mean_kl, 12);
  });

  it("is 0 for equal logits", () => {
    expect(compare([3, -1, 500], [3, -1, 500]).mean_kl).toBe(0);
  });

  it("is the mean and the largest over rows", () => {
    const { mean_kl: mean, max_kl: max, rows } = compare([0, 0, 0, log(9)], [0, log(9), 0, log(9)], 2);
    const one = 0.1 * log(0.2) + 0.9 * log(1.8);
    expect([mean, max, rows]).toEqual([expect.closeTo(one / 2, 12), expect.closeTo(one, 12), 2]);
  });

  it("has no term for a token that the reference rules out", () => {
    expect(compare([0, 0, 1], [0, 0, minusInfinity]).mean_kl).toBeCloseTo(log((2 + exp(1)) / 2), 14);
  });

  it("is 0 where both rule out the same tokens", () => {
    expect(compare([1, 2, minusInfinity], [1, 2, minusInfinity]).mean_kl).toBe(0);
  });

  it.each([
    ["rules out what the reference does not", [0, minusInfinity]],
    ["is not a number", [Number.NaN, 1]],
    ["is infinite", [Number.POSITIVE_INFINITY, 1]],
  ])("is capped where the engine %s", (_, engine) => {
    expect(compare(engine, [1, 2]).max_kl).toBe(maxRatio);
  });
});

describe("top-1", () => {
  it("counts rows with the same largest logit", () => {
    const { top1, rows } = compare([1, 2, 3, 3, 2, 1], [0, 0, 9, 0, 0, 9], 3);
    expect([top1, rows]).toEqual([1, 2]);
  });

  it("gives the smallest margin of the reference over rows that disagree", () => {
    expect(compare([9, 0, 0, 9, 0, 0, 9, 0, 0], [1, 3, 0, 0, 1, 1.5, 9, 8.9, 0], 3).margin).toBe(0.5);
  });

  it("has no margin when every row agrees", () => {
    expect(compare([1, 2], [1, 2]).margin).toBeNull();
  });

  it("takes the first of equal logits, as argmax does", () => {
    expect(compare([5, 5, 1], [5, 1, 1]).top1).toBe(1);
  });

  it("does not agree where the engine is not a number", () => {
    expect(compare([Number.NaN, 1], [2, 1]).top1).toBe(0);
  });
});

describe("padding", () => {
  it("rows, hidden as zeros, are not counted", () => {
    expect(compare([0, 0, 1, 2], [0, 0, 1, 2], 2).rows).toBe(1);
  });

  it("alone is no rows and no divergence", () => {
    expect(compare([0, 0], [0, 0])).toEqual({
      phase: "prefill",
      mean_kl: 0,
      max_kl: 0,
      top1: 0,
      rows: 0,
      margin: null,
    });
  });
});
