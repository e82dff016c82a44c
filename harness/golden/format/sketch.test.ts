import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawUniform } from "../../trace/draw.ts";
import { checksum, largestProjection, project, projectedDistance, projectionSizes, quantise, restore } from "./sketch.ts";

fc.configureGlobal({ seed: 1 });

const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });

function rms(values: Float64Array): number {
  return Math.sqrt(values.reduce((total, value) => total + value ** 2, 0) / values.length);
}

describe("a projection", () => {
  it("preserves the distance of two tensors: 64 numbers within a third, 8 within a factor of 3", () => {
    for (let seed = 0; seed < 100; seed++) {
      const length = 10 + 37 * seed;
      const a = Float64Array.from(drawUniform(seed, "a", length, -1, 1));
      const b = Float64Array.from(drawUniform(seed, "b", length, -1, 1));
      const actual = rms(a.map((value, index) => value - b[index]!));
      const ratio = (size: number) => projectedDistance(project(a, size), project(b, size)) / actual;
      expect(Math.abs(Math.log(ratio(projectionSizes.first)))).toBeLessThan(Math.log(1.5));
      expect(Math.abs(Math.log(ratio(projectionSizes.later)))).toBeLessThan(Math.log(3));
    }
  });

  it("estimates the mean square without bias", () => {
    const length = 500;
    let total = 0;
    for (let seed = 0; seed < 200; seed++) {
      const difference = Float64Array.from(drawUniform(seed, "d", length, -1, 1));
      total += projectedDistance(project(difference, 8), new Float64Array(8)) ** 2 / rms(difference) ** 2;
    }
    expect(total / 200).toBeCloseTo(1, 1); // 1,600 squares of one normal number each: a standard error of 0.035
  });

  it("sees one wrong element of many, wherever it is", () => {
    const values = Float64Array.from(drawUniform(1, "v", 1000, -1, 1));
    const right = project(values, 64);
    fc.assert(
      fc.property(fc.nat(999), (index) => {
        const wrong = values.slice();
        wrong[index]! += 3;
        expect(projectedDistance(project(wrong, 64), right)).toBeCloseTo(3 / Math.sqrt(1000), 12);
      }),
    );
  });

  it("is linear", () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: -9, max: 9 }), (all, factor) => {
        const values = Float64Array.from(all);
        const scaled = project(
          values.map((value) => value * factor),
          8,
        );
        project(values, 8).forEach((number, index) => expect(scaled[index]!).toBeCloseTo(number * factor, 3));
      }),
    );
  });

  it("has signs that differ from number to number, also beyond 32", () => {
    const one = new Float64Array(64);
    const signs = [...Array(64).keys()].map((number) =>
      [...one.keys()].map((index) => project(one.with(index, 1) as Float64Array, 64)[number]!).join(),
    );
    expect(new Set(signs).size).toBe(64);
  });

  it("begins with the shorter one, so that the sizes of goldens may differ", () => {
    const values = Float64Array.from(drawUniform(1, "v", 100, -1, 1));
    const long = project(values, largestProjection);
    for (const size of [1, 8, 33, 64, 200]) expect(project(values, size)).toEqual(long.slice(0, size));
    expect(new Set(long).size).toBe(largestProjection);
  });

  it("of known numbers is known: goldens on disk depend on it", () => {
    const projected = project(Float64Array.of(1, 10, 100, 1000), 36);
    expect([...projected.slice(0, 3), ...projected.slice(32, 35)]).toMatchInlineSnapshot(`
      [
        545.5,
        -444.5,
        -445.5,
        -455.5,
        545.5,
        454.5,
      ]
    `);
  });

  it("of nothing is zero", () => {
    expect([...project(new Float64Array(0), 3)]).toEqual([0, 0, 0]);
  });
});

describe("a stored projection", () => {
  it("is within half a step, 1/8 of the noise unit, whatever the unit", () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: -30, max: 10 }), (all, power) => {
        const [projection, noise] = [Float64Array.from(all), 2 ** power * 0.7];
        const stored = quantise(projection, noise);
        if (!stored) {
          expect(Math.max(...projection.map(Math.abs)) / noise).toBeGreaterThan(2 ** 28);
          return;
        }
        restore(stored, noise).forEach((number, index) =>
          expect(Math.abs(number - projection[index]!)).toBeLessThanOrEqual(noise / 8 + 1e-9 * Math.abs(number)),
        );
        expect(quantise(restore(stored, noise), noise)).toEqual(stored); // written again, it is the same
      }),
    );
  });

  it.each([
    ["does not fit", 3, 1e-9],
    ["has no unit", 3, 0],
    ["is infinite", Number.POSITIVE_INFINITY, 1],
    ["is no number", Number.NaN, 1],
  ])("that %s is refused", (_, number, noise) => {
    expect(quantise(Float64Array.of(1, number), noise)).toBeNull();
  });
});

describe("checksum", () => {
  it("is the same for the same numbers as float32 and float64", () => {
    expect(checksum(Float32Array.of(0.5, 3))).toBe(checksum(Float64Array.of(0.5, 3)));
  });

  it("changes with any single element", () => {
    fc.assert(
      fc.property(numbers, fc.nat(), (all, place) => {
        const values = Float64Array.from(all);
        const index = place % values.length;
        expect(checksum(values.with(index, values[index]! + 1))).not.toBe(checksum(values));
      }),
    );
  });

  it("does not tell -0 from 0, as a live comparison does not", () => {
    expect(checksum(Float32Array.of(-0, 1))).toBe(checksum(Float32Array.of(0, 1)));
  });

  it("does not tell one NaN from another", () => {
    const other = new Float32Array(new Uint32Array([0xffc00001]).buffer);
    expect(checksum(other)).toBe(checksum(Float32Array.of(Number.NaN)));
  });
});
