import { expect, test } from "vitest";
import { gated_delta_rule, l2_norm } from "./gated_delta_rule.ts";

/** One sequence, two value heads of one channel that share one key head of two. */
const sizes = { batch: 1, length: 2, key_heads: 1, value_heads: 2, key_dim: 2, value_dim: 1 };
const inputs = {
  query: Float32Array.of(1, 0, 1, 10),
  key: Float32Array.of(1, 0, 1, 1),
  value: Float32Array.of(4, 8, 10, 0),
  g: Float32Array.of(0, 0, 0, -Infinity),
  beta: Float32Array.of(1, 0.5, 1, 1),
};

test("a state moves towards the value under its key, after it has decayed", () => {
  const { out, state } = gated_delta_rule(inputs, sizes, null);
  // Head 0: [4, 0], whose value 4 under the key [1, 1] moves by 6. Head 1 forgets all, and takes up 0.
  expect(Array.from(state)).toEqual([10, 6, 0, 0]);
  expect(Array.from(out)).toEqual([4, 4, 70, 0]);
});

test("in two halves it comes to the same as in one", () => {
  const half = (i: number) =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, x]) => [name, x.slice(2 * i, 2 * i + 2)]),
    ) as unknown as typeof inputs;
  const whole = gated_delta_rule(inputs, sizes, null);
  const first = gated_delta_rule(half(0), { ...sizes, length: 1 }, null);
  const second = gated_delta_rule(half(1), { ...sizes, length: 1 }, first.state);
  expect([...first.out, ...second.out]).toEqual([...whole.out]);
  expect(second.state).toEqual(whole.state);
});

test("l2_norm adds eps to the sum of squares, not to their mean", () => {
  expect(Array.from(l2_norm(Float32Array.of(3, 4, 0, 1), 2, 0))).toEqual([0.6, 0.8, 0, 1].map(Math.fround));
  expect(Array.from(l2_norm(Float32Array.of(1, 1), 2, 2))).toEqual([0.5, 0.5]);
});
