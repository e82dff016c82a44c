import { expect, test } from "vitest";
import { selective_scan } from "./selective_scan.ts";

/** One sequence, two heads that share one B and C, one channel, one state. */
const sizes = { batch: 1, length: 2, heads: 2, groups: 1, dim: 1, state_size: 1 };
const inputs = {
  x: Float32Array.of(1, 2, 3, 4),
  dt: Float32Array.of(1, 0.5, 1, 2),
  A: Float32Array.of(-Math.LN2, 0),
  B: Float32Array.of(1, 10),
  C: Float32Array.of(1, 100),
  D: Float32Array.of(0, 1000),
};

test("each head decays by exp(dt A) and takes dt B x up", () => {
  const { y, state } = selective_scan(inputs, sizes, { state: null, round: (value) => value });
  expect(Array.from(state)).toEqual([30.5, 81]); // 1 / 2 + 30 and 1 + 80
  expect(Array.from(y)).toEqual([1, 2001, 3050, 12_100]);
});

test("in two halves it comes to the same as in one", () => {
  const half = (i: number) => ({
    ...inputs,
    x: inputs.x.slice(2 * i, 2 * i + 2),
    dt: inputs.dt.slice(2 * i, 2 * i + 2),
    B: inputs.B.slice(i, i + 1),
    C: inputs.C.slice(i, i + 1),
  });
  const round = Math.fround;
  const whole = selective_scan(inputs, sizes, { state: null, round });
  const first = selective_scan(half(0), { ...sizes, length: 1 }, { state: null, round });
  const second = selective_scan(half(1), { ...sizes, length: 1 }, { state: first.state, round });
  expect([...first.y, ...second.y]).toEqual([...whole.y]);
  expect(second.state).toEqual(whole.state);
});

test("round is applied to what is taken up and to what comes out, not to the state", () => {
  const { y, state } = selective_scan(inputs, sizes, { state: null, round: Math.ceil });
  expect(state[0]).toBe(30.5);
  expect(y[2]).toBe(3100); // the state is read rounded
});
