import { expect, test } from "vitest";
import { softmax_with_sinks } from "./sinks.ts";

test("each head's sink takes its share of each row of the head", () => {
  const zeros = new Float32Array(2 * 2 * 2 * 1); // 2 sequences, 2 heads, 2 queries, 1 key
  const sinks = Float32Array.of(0, Math.log(3));
  const probs = softmax_with_sinks(zeros, sinks, { queries: 2, keys: 1, round: Math.fround });
  expect([...probs].map((share) => share.toFixed(6))).toEqual(
    [0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.25, 0.25].map((share) => share.toFixed(6)),
  );
});

test("a row without readable keys goes to its sink", () => {
  const scores = new Float32Array(3).fill(-3e38);
  const probs = softmax_with_sinks(scores, Float32Array.of(-5), { queries: 1, keys: 3, round: Math.fround });
  expect([...probs]).toEqual([0, 0, 0]);
});
