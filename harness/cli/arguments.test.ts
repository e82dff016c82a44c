import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../trace/errors.ts";
import { parseBytes, parseIds, parseRatio, parseWhole } from "./arguments.ts";

fc.configureGlobal({ seed: 1 });

describe("parseBytes", () => {
  it.each([
    ["1024", 1024],
    ["512B", 512],
    ["4GiB", 2 ** 32],
    ["512 MiB", 2 ** 29],
    [" 4gib ", 2 ** 32],
    ["1e9", 1e9],
    ["1.5KB", 1500],
    ["0.5KiB", 512],
    ["2TB", 2e12],
  ])("reads %j", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it("reads every whole number of every unit", () => {
    const units: [string, number][] = ["B", "KiB", "MiB", "GiB", "TiB"].map((unit, power) => [unit, 1024 ** power]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8191 }), fc.constantFrom(...units), (count, [unit, size]) => {
        expect(parseBytes(`${count}${unit}`)).toBe(count * size);
      }),
    );
  });

  it("refuses whatever is not a size, and never gives what is not a whole number above 0", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789.eE+-kKmMgGiIbB ") }), (text) => {
        let bytes: number;
        try {
          bytes = parseBytes(text);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        expect(Number.isSafeInteger(bytes) && bytes > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(["", "GiB", "0", "0.1", "-1", "4 G", "4Gi", "1.2.3", "1e400", "0x10", "4GiBs", "NaN"])(
    "refuses %j",
    (text) => {
      expect(() => parseBytes(text)).toThrow(UsageError);
    },
  );

  it("says what a size looks like", () => {
    expect(() => parseBytes("4 gigs")).toThrowErrorMatchingInlineSnapshot(
      `[UsageError: expected a size such as 4GiB or 512MiB, found "4 gigs"]`,
    );
  });
});

describe("parseWhole", () => {
  it.each([
    ["0", 0],
    ["17", 17],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("reads %j", (text, value) => {
    expect(parseWhole(text)).toBe(value);
  });

  it.each(["", " ", "-1", "1.5", "1e3", "0x10", "9007199254740992", "ten", "NaN"])("refuses %j", (text) => {
    expect(() => parseWhole(text)).toThrow(UsageError);
  });

  it("says what it expected", () => {
    expect(() => parseWhole("1.5")).toThrowErrorMatchingInlineSnapshot(
      `[UsageError: expected a whole number, found "1.5"]`,
    );
  });
});

describe("parseRatio", () => {
  it.each([
    ["4", 4],
    ["0.5", 0.5],
    ["1e3", 1000],
  ])("reads %j", (text, value) => {
    expect(parseRatio(text)).toBe(value);
  });

  it.each(["", " ", "0", "-4", "NaN", "Infinity", "4x", "abc"])(
    "refuses %j, with which nothing or everything would pass",
    (text) => {
      expect(() => parseRatio(text)).toThrow(UsageError);
    },
  );

  it("says what it expected", () => {
    expect(() => parseRatio("abc")).toThrowErrorMatchingInlineSnapshot(
      `[UsageError: expected a number above 0, found "abc"]`,
    );
  });
});

describe("parseIds", () => {
  it("reads whole numbers between commas", () => {
    expect(parseIds("1, 20,300")).toEqual([1, 20, 300]);
  });

  it.each(["", "1,,2", "1,a", "1 2"])("refuses %j", (text) => {
    expect(() => parseIds(text)).toThrow(UsageError);
  });
});
