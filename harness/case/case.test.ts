import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../trace/errors.ts";
import type { CaseDefinition } from "./case.ts";
import { defineCase, planPhases, planted } from "./case.ts";

fc.configureGlobal({ seed: 1 });

const definition: CaseDefinition = {
  name: "tiny/text",
  title: "a case",
  config: { model_type: "tiny" },
  inputs: () => new Map(),
  phases: [{ name: "prefill", start: 0, end: 3, cache: true }],
};

/** The refusal of a definition with these changes; they need not fit the type. */
function refusal(changes: Record<string, unknown>): string {
  try {
    defineCase({ ...definition, ...changes } as CaseDefinition);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error("expected the case to be refused");
}

describe("planted", () => {
  it("gives the fault, and nothing where a case has none", () => {
    const fault = { module: "two.ts", name: "two" };
    expect([planted({ name: "tiny/text", fault, faultId: "two" }), planted({ name: "tiny/text" })]).toEqual([
      { fault },
      {},
    ]);
  });

  it("refuses a fault that was not looked up: the case would run healthy, and pass", () => {
    expect(() => planted({ name: "tiny/text", faultId: "two" })).toThrow(
      "case tiny/text: its fault two is not looked up yet: take the case from loadCases or loadCaseFile",
    );
  });
});

describe("defineCase", () => {
  it("fills in what most cases have", () => {
    expect(defineCase(definition)).toMatchObject({ kind: "run", engine: "typescript", expect: "pass" });
  });

  it("refuses a name that could not be a golden's", () => {
    expect(refusal({ name: "Tiny" })).toMatchInlineSnapshot(
      `"case "Tiny": name: Invalid string: must match pattern /^[a-z0-9_]+\\/[a-z0-9_.-]+$/"`,
    );
  });

  it.each(["../text", "a/b/c", "a/../b", "/text", "tiny/", "tiny text"])("refuses the name %j", (name) => {
    expect(refusal({ name })).toContain("name:");
  });

  it("refuses a field that is not known", () => {
    expect(refusal({ tolerance: 1e-3 })).toMatchInlineSnapshot(
      `"case "tiny/text": case: Unrecognized key: "tolerance""`,
    );
  });

  it("refuses inputs that are not a function of a seed", () => {
    expect(refusal({ inputs: new Map() })).toMatchInlineSnapshot(
      `"case "tiny/text": inputs: expected a function of a seed"`,
    );
  });

  it("refuses a run without phases: nothing would be compared", () => {
    expect(refusal({ phases: [] })).toMatchInlineSnapshot(
      `"case tiny/text: phases: expected at least one phase, found none"`,
    );
  });

  it("needs no phases for shapes alone", () => {
    expect(defineCase({ ...definition, kind: "shapes", phases: [] }).phases).toEqual([]);
  });

  it.each([
    [
      "has no tokens",
      [{ name: "prefill", start: 3, end: 3, cache: true }],
      "expected prefill to have tokens, found [3, 3)",
    ],
    [
      "comes twice",
      [
        { name: "prefill", start: 0, end: 3, cache: true },
        { name: "prefill", start: 3, end: 4, cache: true },
      ],
      "expected each name once, found prefill twice",
    ],
    [
      "leaves tokens out of the cache",
      [
        { name: "prefill", start: 0, end: 3, cache: true },
        { name: "decode:1", start: 4, end: 5, cache: true },
      ],
      "expected decode:1 to start at token 3, where the cache ends, found 4",
    ],
    [
      "continues a phase that comes later",
      [
        { name: "prefill", start: 0, end: 3, cache: true },
        { name: "reuse:1", start: 3, end: 5, cache: true, from: "turn:2" },
        { name: "turn:2", start: 5, end: 6, cache: true },
      ],
      "expected reuse:1 to continue an earlier phase with cache, found turn:2",
    ],
    [
      "does not begin where its prefix ends",
      [
        { name: "prefill", start: 0, end: 3, cache: true },
        { name: "turn:2", start: 3, end: 6, cache: true },
        { name: "reuse:1", start: 6, end: 7, cache: true, from: "prefill" },
      ],
      "expected reuse:1 to start at token 3, where prefill ends, found 6",
    ],
    [
      "reuses a prefix without a cache",
      [
        { name: "prefill", start: 0, end: 3, cache: true },
        { name: "full", start: 3, end: 6, cache: false, from: "prefill" },
      ],
      "expected full, which continues prefill, to have cache: true, found false",
    ],
  ])("refuses a phase that %s", (_, phases, problem) => {
    expect(refusal({ phases })).toBe(`case tiny/text: phases: ${problem}`);
  });
});

describe("planPhases", () => {
  it("names one chunk prefill and several by number", () => {
    const names = (chunks: number[]) => planPhases({ chunks, decode: 1, full: true }).map(({ name }) => name);
    expect([names([5]), names([2, 3])]).toEqual([
      ["prefill", "decode:1", "full"],
      ["chunk:0", "chunk:1", "decode:1", "full"],
    ]);
  });

  it("covers every token once in the cache, in order, and once in the full forward", () => {
    const chunks = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(chunks, fc.nat(5), (sizes, decode) => {
        const total = sizes.reduce((sum, size) => sum + size, decode);
        const phases = planPhases({ chunks: sizes, decode, full: true });
        const tokens = phases
          .filter(({ cache }) => cache)
          .flatMap(({ start, end }) => [...Array(end - start).keys()].map((token) => start + token));
        expect(tokens).toEqual([...Array(total).keys()]);
        expect(phases.at(-1)).toEqual({ name: "full", start: 0, end: total, cache: false });
      }),
    );
  });

  it("goes back to the end of the first chunk for a reuse", () => {
    expect(planPhases({ chunks: [4], decode: 1, turn: 2, reuse: 5, full: true }).slice(2)).toEqual([
      { name: "turn:2", start: 5, end: 7, cache: true },
      { name: "reuse:1", start: 4, end: 9, cache: true, from: "prefill" },
      { name: "full", start: 0, end: 9, cache: false },
    ]);
  });

  it("makes phases that a case accepts", () => {
    const phases = planPhases({ chunks: [1, 7], decode: 3, turn: 4, reuse: 2, full: true });
    expect(defineCase({ ...definition, phases }).phases).toEqual(phases);
  });
});
