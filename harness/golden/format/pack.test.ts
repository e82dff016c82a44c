import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GoldenSite } from "./schema.ts";
import { packSites, unpackSites } from "./pack.ts";
import { fromCode, toCode } from "./scale.ts";

fc.configureGlobal({ seed: 1 });

/** A magnitude as it comes back. */
const kept = (value: number): number => fromCode(toCode(value))!;

const place = fc.record({
  site: fc.string(),
  phase: fc.constantFrom("prefill", "decode:1"),
  shape: fc.array(fc.nat(2 ** 31 - 1), { maxLength: 4 }),
  dtype: fc.constantFrom("F32", "I64", "BOOL"),
});
const exact = fc.record({ checksum: fc.stringMatching(/^[\da-f]{16}$/) });
const sketched = fc
  .record({ rms: fc.double({ min: 0, max: 1e6, noNaN: true }), size: fc.nat(70), power: fc.integer({ min: -40, max: 0 }) })
  .map(({ rms, size, power }) => {
    const noise = kept(2 ** power);
    const numbers = Float64Array.from({ length: size }, (_, index) => Math.round(1000 * Math.sin(index + rms)));
    return { rms: kept(rms), max: kept(2 * rms), noise, projection: numbers.map((number) => number * (noise / 4)) };
  });
const site = fc.tuple(place, fc.oneof(exact, sketched)).map(([where, what]): GoldenSite => ({ ...where, ...what }));

const example: GoldenSite = {
  ...{ site: "a:out", phase: "prefill", shape: [1, 4], dtype: "F32" },
  ...{ rms: kept(1), max: kept(2), noise: kept(1e-7), projection: Float64Array.of(kept(1e-7) * 3, 0) },
};

describe("packed sites", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(fc.array(site, { maxLength: 12 }), (sites) => {
        const tensors = [["a.weight", [2, 3]] as const, ["ü", []] as const];
        expect(unpackSites(packSites({ tensors, sites }))).toEqual({ tensors, sites });
      }),
    );
  });

  it("keep numbers that don't fit the noise unit bit for bit", () => {
    for (const projection of [[Number.NaN, 1], [Math.PI, 1e300], [Number.NEGATIVE_INFINITY]].map((all) => Float64Array.from(all))) {
      const [back] = unpackSites(packSites({ tensors: [], sites: [{ ...example, projection }] })).sites;
      expect(back!.projection).toEqual(projection);
    }
  });

  it("of one tensor take 16 bytes more each, and share its projection", () => {
    const projection = new Float64Array(64).map((_, index) => kept(1e-7) * index);
    const [one, two] = [1, 2].map((count) =>
      packSites({ tensors: [], sites: Array.from({ length: count }, () => ({ ...example, projection })) }),
    );
    expect(two!.length - one!.length).toBe(16);
    const [a, b] = unpackSites(two!).sites;
    expect(a!.projection).toBe(b!.projection);
  });

  it("that are cut off, or go on, are refused", () => {
    const bytes = packSites({ tensors: [], sites: [example] });
    expect(() => unpackSites(bytes.subarray(0, -1))).toThrow(/expected 8 more bytes at \d+, found 7/);
    expect(() => unpackSites(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(/expected \d+ bytes, found \d+/);
  });
});
