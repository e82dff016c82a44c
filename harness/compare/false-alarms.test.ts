/**
 * Counts how often healthy noise fails at the default limit: seeded draws of sites whose two sides differ by rounding
 * alone. The hard ones are small (one token, few probabilities) and those whose errors are not independent (one
 * reciprocal square root serves a whole row).
 */
import { describe, expect, it } from "vitest";
import type { Triple } from "./distance.ts";
import { measure } from "./distance.ts";
import { noisy, noisyRows, normal, softmax } from "./test-tensors.ts";
import { largestRatio } from "../verdict/numbers.ts";

const limit = 4; // `defaultLimit` of harness/run/live.ts

type Draw = () => number;
type Make = (rows: number, draw: Draw) => Triple;

/** Activations with independent noise. */
const activations =
  (columns: number, ulps: number): Make =>
  (rows, draw) => {
    const oracle = Float64Array.from({ length: rows * columns }, draw);
    const side = () => noisy(oracle, draw, ulps);
    return { oracle, reference: side(), engine: side(), columns, dtype: "F32" };
  };

/** Activations after a norm: one error for each row. */
const norms =
  (columns: number, ulps: number): Make =>
  (rows, draw) => {
    const oracle = Float64Array.from({ length: rows * columns }, draw);
    const side = () => noisyRows(oracle, columns, draw, ulps);
    return { oracle, reference: side(), engine: side(), columns, dtype: "F32" };
  };

/** Activations of padded audio: most rows are the same, and so are their errors. */
const repeated =
  (columns: number, ulps: number): Make =>
  (rows, draw) => {
    const frame = Float64Array.from({ length: columns }, draw);
    const own = Math.floor(rows / 8);
    const spoken = Float64Array.from({ length: own * columns }, draw);
    const repeat = (one: Float64Array | Float32Array, first: Float64Array | Float32Array): number[] => [
      ...first,
      ...Array.from({ length: rows - own }, () => [...one]).flat(),
    ];
    const side = () => Float32Array.from(repeat(noisy(frame, draw, ulps), noisy(spoken, draw, ulps)));
    const oracle = Float64Array.from(repeat(frame, spoken));
    return { oracle, reference: side(), engine: side(), columns, dtype: "F32" };
  };

/**
 * Attention probabilities: logits of this spread, each with relative noise, so that one or two keys carry nearly all of
 * the error.
 */
const probabilities =
  (keys: number, spread: number, ulps: number): Make =>
  (rows, draw) => {
    const logits = Array.from({ length: rows }, () => Array.from({ length: keys }, () => spread * draw()));
    const noise = ulps * 2 ** -23 * spread;
    const side = () => Float32Array.from(logits.flatMap((row) => softmax(row.map((logit) => logit + noise * draw()))));
    const oracle = Float64Array.from(logits.flatMap(softmax));
    return { oracle, reference: side(), engine: side(), columns: keys, dtype: "F32" };
  };

/** Draws healthy sites and returns how many fail, and the largest ratio. */
function falseAlarms(name: string, draws: number, next: (draw: Draw) => Triple): { alarms: number; largest: number } {
  const draw = normal(name);
  let [alarms, largest] = [0, 0];
  for (let count = 0; count < draws; count++) {
    const ratio = largestRatio(measure(next(draw)).distance);
    if (ratio > limit) alarms++;
    largest = Math.max(largest, ratio);
  }
  return { alarms, largest };
}

/**
 * A site of `rows`, judged with the noise that the same site had in an earlier phase of `before` rows; every 20 draws
 * another phase.
 */
function afterPhase(before: number, rows: number, make: Make): (draw: Draw) => Triple {
  let [count, relativeNoise] = [0, 0];
  return (draw) => {
    if (count++ % 20 === 0) {
      const { noise, rms } = measure(make(before, draw)).distance;
      relativeNoise = noise / rms;
    }
    return { ...make(rows, draw), relativeNoise };
  };
}

describe("a phase of many tokens", () => {
  it.each<[string, number, Make]>([
    ["activations", 19, activations(40, 0.5)],
    ["noisy activations", 19, activations(40, 4)],
    ["wide activations", 8, activations(256, 1)],
    ["one channel, as of a gate", 14, activations(1, 1)],
    ["two channels", 14, activations(2, 1)],
    ["norms", 19, norms(40, 0.5)],
    ["noisy norms", 19, norms(40, 4)],
    ["padded audio", 400, repeated(40, 0.5)],
    ["flat probabilities of 6 heads", 6 * 12, probabilities(12, 1, 2)],
    ["peaked probabilities of 6 heads", 6 * 12, probabilities(12, 8, 2)],
  ])("%s: no false alarm in 200", (name, rows, make) => {
    const { alarms, largest } = falseAlarms(name, 200, (draw) => make(rows, draw));
    expect(alarms).toBe(0);
    expect(largest).toBeGreaterThan(0.9); // the noise is there
  });
});

describe("a decode step of one token, after a prefill of 19", () => {
  it.each<[string, number, number, Make]>([
    ["activations", 19, 1, activations(40, 0.5)],
    ["noisy activations", 19, 1, activations(40, 4)],
    ["activations of 2 channels", 19, 1, activations(2, 2)],
    ["norms of half an ulp", 19, 1, norms(40, 0.5)],
    ["norms of one ulp", 19, 1, norms(40, 1)],
    ["flat probabilities of 6 heads", 6 * 19, 6, probabilities(19, 1, 2)],
    ["peaked probabilities of 6 heads", 6 * 19, 6, probabilities(19, 8, 2)],
    ["very peaked probabilities of 6 heads", 6 * 19, 6, probabilities(19, 20, 4)],
    ["peaked probabilities of one head", 19, 1, probabilities(19, 8, 2)],
    ["probabilities over 3 keys", 40, 1, probabilities(3, 8, 4)],
  ])("%s: no false alarm in 1000", (name, before, rows, make) => {
    const { alarms, largest } = falseAlarms(name, 1000, afterPhase(before, rows, make));
    expect(alarms).toBe(0);
    expect(largest).toBeGreaterThan(0.9);
  });

  it("noisy norms: at most 1 false alarm in 1000, although a row has one single error", () => {
    expect(falseAlarms("norms 2", 2000, afterPhase(19, 1, norms(40, 2))).alarms).toBeLessThanOrEqual(2);
  });

  it("norms of one ulp without the noise of earlier phases: 4 in 100, which is what that noise is for", () => {
    const { alarms } = falseAlarms("norms alone", 2000, (draw) => norms(40, 1)(1, draw));
    expect(alarms / 2000).toBeGreaterThan(0.02);
  });
});

describe("few elements without earlier phases", () => {
  it.each<[string, number, Make]>([
    ["40 channels", 1, activations(40, 4)],
    ["8 channels", 1, activations(8, 4)],
    ["4 channels", 1, activations(4, 4)],
    ["norms of half an ulp", 1, norms(40, 0.5)],
    ["flat probabilities of 6 heads over 19 keys", 6, probabilities(19, 1, 2)],
  ])("%s: at most 3 false alarms in 1000", (name, rows, make) => {
    expect(falseAlarms(name, 2000, (draw) => make(rows, draw)).alarms).toBeLessThanOrEqual(6);
  });
});

describe("the allowance for few elements", () => {
  it("still lets one wrong token of 14 fail where a token has a single element", () => {
    const { alarms } = falseAlarms("one of 14", 500, (draw) => {
      const triple = activations(1, 1)(14, draw);
      return { ...triple, engine: triple.engine.with(3, triple.oracle[3]! + 100 * 2 ** -23) };
    });
    expect(alarms).toBe(500);
  });

  it("still lets a wrong factor of 40 ulp fail on one token of 40 channels", () => {
    const { alarms } = falseAlarms("power", 500, (draw) => {
      const triple = activations(40, 1)(1, draw);
      return { ...triple, engine: triple.engine.map((value) => value * (1 + 40 * 2 ** -23)) };
    });
    expect(alarms).toBe(500);
  });
});
