import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitEqual, describeDifference, measure } from "./distance.ts";
import type { Triple } from "./distance.ts";
import { noisy, normal } from "./test-tensors.ts";
import { maxRatio } from "../verdict/numbers.ts";

fc.configureGlobal({ seed: 1 });

const ulp = 2 ** -23;

/** A healthy float32 site of `rows` x `columns`. */
function healthy(name: string, rows: number, columns: number): Triple & { engine: Float32Array } {
  const draw = normal(name);
  const oracle = Float64Array.from({ length: rows * columns }, draw);
  return { oracle, reference: noisy(oracle, draw), engine: noisy(oracle, draw), columns, dtype: "F32" };
}

function ratios(triple: Triple): number[] {
  const { ratio, worst_row: row, worst_column: column } = measure(triple).distance;
  return [ratio, row?.ratio ?? 0, column?.ratio ?? 0];
}

describe("the distance", () => {
  it("is rms(engine - oracle) over rms(reference - oracle), by hand", () => {
    const length = 16;
    const oracle = new Float64Array(length).fill(1);
    const reference = Float32Array.from(oracle, (value, index) => value + (index % 2 === 0 ? 8 : -8) * ulp);
    const engine = Float32Array.from(oracle, (value, index) => value + (index % 2 === 0 ? 24 : -24) * ulp);
    const { distance } = measure({ engine, reference, oracle, columns: length, dtype: "F32" });
    expect(distance).toEqual({
      ratio: 3,
      worst_row: { index: 0, ratio: 1.5 }, // 16 elements: 1 + 4 / sqrt(16) of allowance
      worst_column: null,
      error: 24 * ulp,
      noise: 8 * ulp,
      rms: 1,
      max_error: 24 * ulp,
    });
  });

  it("takes half an ulp for noise where the reference is exact", () => {
    const oracle = new Float64Array(20).fill(1);
    const engine = new Float32Array(20).fill(1 + 2 * ulp);
    const { distance } = measure({ engine, reference: oracle, oracle, columns: 20, dtype: "F32" });
    expect([distance.noise, distance.ratio]).toEqual([ulp / 2, 4]);
  });

  it("takes the noise of earlier phases where that is larger", () => {
    const oracle = new Float64Array(20).fill(2);
    const engine = Float64Array.from(oracle, (value) => value * 1.01);
    const triple: Triple = { engine, reference: oracle, oracle, columns: 20, dtype: "F32", relativeNoise: 0.005 };
    expect(measure(triple).distance.ratio).toBeCloseTo(2, 12);
  });

  it("of the reference itself is at most 1, for tensor, rows and columns", () => {
    const sizes = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(sizes, sizes, fc.nat(1000), (rows, columns, name) => {
        const triple = healthy(`own ${name}`, rows, columns);
        for (const ratio of ratios({ ...triple, engine: triple.reference }))
          expect(ratio).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it("of the oracle itself is 0", () => {
    const triple = healthy("oracle", 9, 7);
    expect(ratios({ ...triple, engine: triple.oracle })).toEqual([0, 0, 0]);
  });

  it("is the same at any scale", () => {
    const power = fc.integer({ min: -60, max: 60 });
    fc.assert(
      fc.property(power, fc.nat(1000), (exponent, name) => {
        const triple = healthy(`scale ${name}`, 9, 8);
        const scale = (values: Triple["engine"]) => values.map((value) => value * 2 ** exponent);
        const { engine, reference, oracle } = triple;
        const scaled = { engine: scale(engine), reference: scale(reference), oracle: scale(oracle) };
        expect(ratios({ ...triple, ...scaled })).toEqual(ratios(triple));
      }),
    );
  });

  it("does not depend on the order of rows and columns", () => {
    const triple = healthy("order", 9, 8);
    const reverse = (values: Triple["engine"]) => values.toReversed();
    const { engine, reference, oracle } = triple;
    const reversed = { engine: reverse(engine), reference: reverse(reference), oracle: reverse(oracle) };
    const [there, back] = [ratios({ ...triple, ...reversed }), ratios(triple)];
    there.forEach((ratio, index) => expect(ratio).toBeCloseTo(back[index]!, 10));
  });

  it("names the row and the column that are wrong", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(19), (row, column) => {
        const triple = healthy("place", 31, 20);
        triple.engine[row * 20 + column]! += 0.01;
        const { worst_row, worst_column } = measure(triple).distance;
        expect([worst_row?.index, worst_column?.index]).toEqual([row, column]);
      }),
    );
  });

  it("has no column where there are fewer than 8 rows: too few for statistics", () => {
    const columns = [7, 8].map((rows) => measure(healthy("rows", rows, 4)).distance.worst_column);
    expect(columns).toEqual([null, expect.anything()]);
  });

  it("is capped, as JSON has no infinity", () => {
    const zeros = new Float64Array(20);
    const engine = new Float64Array(20).fill(1);
    expect(ratios({ engine, reference: zeros, oracle: zeros, columns: 20, dtype: "F32" })).toEqual([
      maxRatio,
      maxRatio,
      0,
    ]);
  });

  it("is never NaN, whatever the numbers", () => {
    const anyNumber = fc.double();
    fc.assert(
      fc.property(fc.array(fc.tuple(anyNumber, anyNumber, anyNumber), { minLength: 1, maxLength: 20 }), (elements) => {
        const [engine, reference, oracle] = [0, 1, 2].map((side) => Float64Array.from(elements, (all) => all[side]!));
        const triple = { engine: engine!, reference: reference!, oracle: oracle!, columns: 1, dtype: "F64" } as const;
        for (const ratio of ratios(triple)) expect(ratio >= 0 && ratio <= maxRatio).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("of huge errors, whose fourth powers overflow, is still too large to pass", () => {
    const zeros = new Float64Array(4).fill(1);
    const engine = new Float64Array(4).fill(1e100);
    expect(ratios({ engine, reference: zeros, oracle: zeros, columns: 4, dtype: "F64" })[0]).toBe(maxRatio);
  });

  it("of an empty tensor is 0", () => {
    const none = new Float32Array(0);
    expect(ratios({ engine: none, reference: none, oracle: none, columns: 4, dtype: "F32" })).toEqual([0, 0, 0]);
  });
});

describe("exactness", () => {
  it("is claimed where the reference has no rounding error in 16 elements", () => {
    const exact = (length: number) => {
      const values = new Float32Array(length).fill(0.1);
      const oracle = Float64Array.from(values);
      return measure({ engine: values, reference: values, oracle, columns: length, dtype: "F32" }).exact;
    };
    expect([exact(15), exact(16)]).toEqual([false, true]);
  });

  it("is not claimed where a single element was rounded", () => {
    const reference = new Float32Array(64).fill(0.1);
    const oracle = Float64Array.from(reference);
    oracle[63] = 0.1;
    expect(measure({ engine: reference, reference, oracle, columns: 8, dtype: "F32" }).exact).toBe(false);
  });
});

describe("elements that are not finite", () => {
  const at = (engine: number, reference: number, oracle: number) =>
    measure({
      engine: Float64Array.of(engine, 1),
      reference: Float64Array.of(reference, 1),
      oracle: Float64Array.of(oracle, 1),
      columns: 2,
      dtype: "F32",
    }).nonFinite;
  const { NaN: nan, POSITIVE_INFINITY: infinite, NEGATIVE_INFINITY: minus } = Number;

  it.each([
    [nan, 1, 1],
    [infinite, 1, 1],
    [1, nan, 1],
    [1, infinite, infinite],
    [infinite, minus, minus],
    [nan, infinite, infinite],
    [2, 1, nan],
  ])("engine %s, reference %s, oracle %s: counted", (engine, reference, oracle) => {
    expect(at(engine, reference, oracle)).toBe(1);
  });

  it.each([
    [nan, nan, nan],
    [minus, minus, minus],
    [infinite, infinite, 1e39], // the reference overflows in its dtype, and so does the engine
  ])("engine %s, reference %s, oracle %s: the same on both sides", (engine, reference, oracle) => {
    expect(at(engine, reference, oracle)).toBe(0);
  });
});

describe("bitEqual", () => {
  it.each([
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 2 + 2 ** -51], false],
    [[Number.NaN], [Number.NaN], true],
    [[Number.NaN], [1], false],
    [[1], [Number.NaN], false],
    [[0], [-0], true],
    [[Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY], false],
  ])("%j and %j: %s", (a, b, equal) => {
    expect(bitEqual(Float64Array.from(a), Float64Array.from(b))).toBe(equal);
  });
});

describe("the second look", () => {
  const look = (engine: number[], oracle: number[], shape: number[], noise = 1) => {
    const triple = { engine: Float64Array.from(engine), oracle: Float64Array.from(oracle) };
    return describeDifference({ ...triple, reference: triple.oracle, columns: 1, dtype: "F32" }, shape, noise);
  };

  it("lists the eight worst elements, worst first, by their place in the tensor", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 12, maxLength: 12 }), (errors) => {
        const { worst_elements: worst } = look(errors, new Array<number>(12).fill(0), [3, 4]);
        const expected = errors
          .map((error, place) => ({ error: Math.abs(error), index: [Math.floor(place / 4), place % 4] }))
          .filter(({ error }) => error > 0)
          .toSorted((a, b) => b.error - a.error)
          .slice(0, 8);
        expect(worst.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
      }),
    );
  });

  it("spells out what JSON can't hold", () => {
    const { worst_elements: worst } = look(
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [0, 0, 0],
      [3],
    );
    expect(worst.map(({ found }) => found)).toEqual(["NaN", "Infinity", "-Infinity"]);
  });

  it("counts errors in powers of two of the noise from 1/16 on", () => {
    const { histogram } = look([0, 1 / 32, 1 / 16, 1 / 8, 0.5, 1, 1.9, 2, 1e30], new Array<number>(9).fill(0), [9]);
    expect(histogram.slice(0, 8)).toEqual([2, 1, 1, 0, 1, 2, 1, 0]);
    expect(histogram.at(-1)).toBe(1);
  });

  it("counts every element once", () => {
    const { histogram } = look([0, Number.NaN, 3, 1e300], [0, 0, 0, 0], [4], Number.MIN_VALUE);
    expect(histogram.reduce((total, count) => total + count, 0)).toBe(4);
  });
});

describe("a table of cosines", () => {
  const [rows, columns] = [60, 7];
  const angle = (index: number) => Math.floor(index / columns) * 12_345 ** -((index % columns) / columns);
  const places = Array.from({ length: rows * columns }, (_, index) => index);
  const oracle = Float64Array.from(places, (index) => Math.cos(angle(index)));
  const reference = Float32Array.from(oracle);
  /** Frequencies off by so many halves of an ulp. */
  const made = (halves: number) =>
    Float32Array.from(places, (index) => Math.cos(angle(index) * (1 + (halves * ulp) / 2)));
  const healthyWays = Float64Array.from(places, (index) =>
    Math.abs(Math.cos(angle(index) * (1 + 10 * (ulp / 2))) - oracle[index]!),
  );
  const ratio = (engine: Float32Array, more = {}) =>
    Math.max(...ratios({ engine, reference, oracle, columns, dtype: "F32", ...more }));

  it("is far from the reference where its frequencies were made in another way", () => {
    expect(ratio(made(15))).toBeGreaterThan(4);
  });

  it("is as near as healthy ways of making it are to each other", () => {
    expect(ratio(made(15), { healthy: healthyWays })).toBeLessThan(4);
  });

  it("with wrong frequencies is far from all of them", () => {
    expect(ratio(made(400), { healthy: healthyWays })).toBeGreaterThan(4);
  });
});
