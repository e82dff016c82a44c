import { describe, expect, test } from "vitest";
import { chooser, greedy, sample } from "./sampling.ts";

const logits = Float32Array.from([1, 3, 3, 2].map(Math.log)); // probabilities 1/9, 3/9, 3/9, 2/9
const plain = { temperature: 1, seed: 0 };

test("greedy takes the first of the largest", () => expect(greedy(logits)).toBe(1));

describe("sample", () => {
  test.each([
    [0, 1],
    [0.32, 1],
    [0.34, 2],
    [0.7, 3],
    [0.95, 0],
    [0.999999, 0],
  ])("at %f of the tokens side by side: %i", (uniform, token) => {
    expect(sample(logits, plain, uniform)).toBe(token);
  });

  test("top_k keeps the likeliest", () => expect(sample(logits, { ...plain, top_k: 2 }, 0.999)).toBe(2));

  test("top_p keeps those that together have it", () => {
    expect(sample(logits, { ...plain, top_p: 0.3 }, 0.999)).toBe(1);
    expect(sample(logits, { ...plain, top_p: 0.34 }, 0.999)).toBe(2);
    expect(sample(logits, { ...plain, top_p: 1 }, 0.999)).toBe(0);
  });

  test("a low temperature comes to the likeliest", () => {
    const tilted = Float32Array.of(0, 0.1, 0);
    expect(sample(tilted, { temperature: 0.001, seed: 0 }, 0.99)).toBe(1);
  });
});

test("the same seed draws the same tokens, another seed others", () => {
  const draw = (seed: number) => Array.from({ length: 40 }, (_, step) => chooser({ ...plain, seed })(logits, step));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(new Set(draw(1))).toEqual(new Set([0, 1, 2, 3]));
});
