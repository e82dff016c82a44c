import { describe, expect, it } from "vitest";
import { regionText } from "../verdict/words/why.ts";
import { whereabouts } from "./whereabouts.ts";

/** A tensor of ones whose elements at `wrong` are off by 1, noise 0.01. */
function place(site: string, shape: readonly number[], wrong: (index: readonly number[]) => boolean): string[] {
  const length = shape.reduce((product, size) => product * size, 1);
  const oracle = new Float64Array(length).fill(1);
  const engine = oracle.map((value, flat) => {
    const index = shape.map((size, axis) => Math.floor(flat / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % size);
    return wrong(index) ? value + 1 : value;
  });
  return whereabouts(site, shape, { engine, oracle }, { noise: 0.01, limit: 4 }).map(regionText);
}

const scores = "model.layers.0.self_attn#scores";

describe("whereabouts", () => {
  it("of an error everywhere is nothing", () => expect(place("m:out", [1, 5, 8], () => true)).toEqual([]));

  it("names one head", () => expect(place(scores, [1, 4, 5, 6], ([, head]) => head === 2)).toEqual(["head 2 of 4"]));

  it("names tokens beyond a window", () =>
    expect(place("m:out", [1, 19, 8], ([, token]) => token! >= 8)).toEqual(["tokens from 8 on, of 19"]));

  it("names one sequence and its padded rows", () =>
    expect(place("m:out", [3, 14, 8], ([sequence, token]) => sequence === 1 && token! < 6)).toEqual([
      "sequence 1 of 3",
      "tokens before 6, of 14",
    ]));

  it("names the upper half of the channels", () =>
    expect(place("m#q_rope", [1, 2, 5, 14], (index) => index[3]! >= 7)).toEqual(["upper half of 14 channels"]));

  it("names every second channel", () =>
    expect(place("m:out", [1, 5, 8], (index) => index[2]! % 2 === 1)).toEqual(["every 2nd channel of 8, from 1"]));

  it("counts what has no pattern", () =>
    expect(place("m:out", [1, 5, 8], (index) => [0, 1, 5].includes(index[2]!))).toEqual(["3 of 8 channels"]));

  it("finds elements that are not numbers", () => {
    const oracle = new Float64Array(8).fill(1);
    const engine = oracle.with(3, Number.NaN);
    expect(whereabouts("m:out", [1, 8], { engine, oracle }, { noise: 1, limit: 4 })).toEqual([
      { axis: "channel", size: 8, count: 1, first: 3, last: 3, step: 1 },
    ]);
  });
});
