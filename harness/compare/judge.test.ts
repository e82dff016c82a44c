import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dtype } from "../trace/dtypes.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { elementCount, float32Tensor, int64Tensor, toNumbers } from "../trace/tensor.ts";
import type { TapTriple } from "./judge.ts";
import { judge } from "./judge.ts";
import { float64Tensor, noisy, normal, roundedTensor } from "./test-tensors.ts";
import type { Judgement } from "../verdict/site.ts";
import { largestRatio } from "../verdict/numbers.ts";
import { distanceOf } from "../verdict/deciding.ts";

fc.configureGlobal({ seed: 1 });

const rules = { limit: 4 };
const place = { site: "model.layers.0:out" };

function site(engine: RawTensor, reference: RawTensor, oracle = reference): TapTriple {
  return { ...place, engine, reference, oracle };
}

/** A healthy float32 site; `engine` is the array behind the engine's tensor. */
function healthy(name: string, shape: readonly number[]): { triple: TapTriple; engine: Float32Array } {
  const draw = normal(name);
  const oracle = Float64Array.from({ length: elementCount(shape) }, draw);
  const engine = noisy(oracle, draw);
  const triple = site(
    float32Tensor(engine, shape),
    float32Tensor(noisy(oracle, draw), shape),
    float64Tensor(oracle, shape),
  );
  return { triple, engine };
}

describe("a healthy site", () => {
  it("passes with its distance", () => {
    expect(judge(healthy("pass", [2, 9, 16]).triple, rules)).toEqual({
      status: "pass",
      distance: expect.objectContaining({ ratio: expect.closeTo(1, 0) }),
    });
  });

  it("passes without elements: there is nothing that could differ", () => {
    const none = float32Tensor(new Float32Array(0), [0, 8]);
    expect(judge(site(none, none), rules).status).toBe("pass");
  });

  it.each(["F16", "BF16"] as const)("passes in %s, whose rounding is its noise", (dtype) => {
    const draw = normal(dtype);
    const oracle = Float64Array.from({ length: 160 }, draw);
    const side = () => roundedTensor(dtype, noisy(oracle, draw, 2 ** 12), [10, 16]);
    expect(judge(site(side(), side(), float64Tensor(oracle, [10, 16])), rules).status).toBe("pass");
  });
});

describe("a wrong shape", () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });

  it("never passes, not even one that could be broadcast or reshaped", () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        fc.pre(a.join() !== b.join());
        const zeros = (shape: number[]) => float32Tensor(new Float32Array(elementCount(shape)), shape);
        expect(judge(site(zeros(a), zeros(b)), rules).status).toBe("fail");
      }),
    );
  });

  it("is named, with both shapes", () => {
    const zeros = (shape: number[]) => float32Tensor(new Float32Array(elementCount(shape)), shape);
    expect(judge(site(zeros([1, 4096]), zeros([1, 8192])), rules)).toEqual({
      status: "fail",
      why: { kind: "shape", expected: [1, 8192], found: [1, 4096] },
    });
  });

  it("of the oracle can't be judged, so it is unknown and never a pass", () => {
    const { triple } = healthy("oracle shape", [4, 8]);
    expect(judge({ ...triple, oracle: float64Tensor(new Float64Array(24), [3, 8]) }, rules)).toEqual({
      status: "unknown",
      why: { kind: "no oracle", reference: [4, 8], oracle: [3, 8] },
    });
  });
});

describe("a wrong dtype", () => {
  it("never passes, whatever the values", () => {
    const dtypes = fc.constantFrom<Dtype>("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL");
    fc.assert(
      fc.property(dtypes, dtypes, (a, b) => {
        fc.pre(a !== b);
        const zeros = (dtype: Dtype): RawTensor => ({ dtype, shape: [2], bytes: new Uint8Array(16) });
        expect(judge(site(zeros(a), zeros(b)), rules).status).toBe("fail");
      }),
    );
  });

  it("is named, with both dtypes", () => {
    const verdict = judge(site(roundedTensor("BF16", [1], [1]), roundedTensor("F32", [1], [1])), rules);
    expect(verdict).toEqual({ status: "fail", why: { kind: "dtype", expected: "F32", found: "BF16" } });
  });
});

describe("NaN", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "and infinity never pass where the reference is finite: %s at any place",
    (value) => {
      fc.assert(
        fc.property(fc.nat(12 * 8 - 1), (index) => {
          const { triple, engine } = healthy("nan", [12, 8]);
          engine[index] = value;
          expect(judge(triple, rules)).toMatchObject({ status: "fail", why: { kind: "not finite", count: 1 } });
        }),
      );
    },
  );

  it("in the reference alone never passes either", () => {
    const { triple } = healthy("reference", [12, 8]);
    const reference = toNumbers(triple.reference).slice() as Float32Array;
    reference[5] = Number.NaN;
    expect(judge({ ...triple, reference: float32Tensor(reference, [12, 8]) }, rules).status).toBe("fail");
  });

  it("in both is no evidence: the site is unknown", () => {
    const { triple, engine } = healthy("both", [12, 8]);
    const reference = toNumbers(triple.reference).slice() as Float32Array;
    for (const side of [engine, reference]) side[5] = Number.NaN;
    const judged = judge({ ...triple, reference: float32Tensor(reference, [12, 8]) }, rules);
    expect(judged).toEqual({ status: "unknown", why: { kind: "not a number", count: 1, of: 96 } });
  });

  it("everywhere on one side never passes, and neither does a limit that is not a number", () => {
    const { triple, engine } = healthy("limit", [12, 8]);
    expect(judge(triple, { limit: Number.NaN }).status).toBe("fail");
    engine.fill(Number.NaN);
    expect(judge(triple, rules).status).toBe("fail");
  });
});

describe("something wrong in a large tensor", () => {
  const [rows, columns] = [256, 512];
  const shape = [1, rows, columns];
  const { triple, engine } = healthy("large", shape);
  const right = engine.slice();
  /** The verdict when these elements are changed. */
  const spoil = (change: (value: number, row: number, column: number) => number): Judgement => {
    for (let index = 0; index < engine.length; index++)
      engine[index] = change(right[index]!, Math.floor(index / columns), index % columns);
    return judge(triple, rules);
  };
  const ulps = 2 ** -23;

  it("is not there to begin with", () => {
    expect(largestRatio(distanceOf(spoil((value) => value)))).toBeLessThan(1.5);
  });

  it("fails when it is one element", () => {
    fc.assert(
      fc.property(fc.nat(rows - 1), fc.nat(columns - 1), (row, column) => {
        const { status } = spoil((value, r, c) => (r === row && c === column ? value + 0.001 : value));
        expect(status).toBe("fail");
      }),
      { numRuns: 8 },
    );
  });

  it("fails when it is one row, though the tensor as a whole is within the limit", () => {
    fc.assert(
      fc.property(fc.nat(rows - 1), (row) => {
        const verdict = spoil((value, r) => (r === row ? value * (1 + 20 * ulps) : value));
        const at = { part: "row", index: row };
        expect(verdict).toMatchObject({ status: "fail", why: { kind: "noise", at, ratio: expect.closeTo(15, -1) } });
        expect(distanceOf(verdict)!.ratio).toBeLessThan(rules.limit);
      }),
      { numRuns: 8 },
    );
  });

  it("fails when it is one column, though the tensor as a whole is within the limit", () => {
    fc.assert(
      fc.property(fc.nat(columns - 1), (column) => {
        const verdict = spoil((value, _, c) => (c === column ? value * (1 + 20 * ulps) : value));
        const at = { part: "column", index: column };
        expect(verdict).toMatchObject({ status: "fail", why: { kind: "noise", at, ratio: expect.closeTo(15, -1) } });
        expect(distanceOf(verdict)!.ratio).toBeLessThan(rules.limit);
      }),
      { numRuns: 8 },
    );
  });

  it("fails when it is a constant factor of 8 ulp", () => {
    const why = { kind: "noise", at: { part: "tensor" }, ratio: expect.closeTo(8, -0.5) };
    expect(spoil((value) => value * (1 + 8 * ulps))).toMatchObject({ status: "fail", why });
  });

  it("fails when two rows are swapped", () => {
    const { status } = spoil((_, row, column) => right[(row === 3 ? 4 : row === 4 ? 3 : row) * columns + column]!);
    expect(status).toBe("fail");
  });
});

describe("the limit", () => {
  it("passes what is exactly on it and fails what is above", () => {
    const oracle = new Float64Array(20).fill(1);
    const engine = new Float32Array(20).fill(1 + 2 * 2 ** -23); // 4 times half an ulp
    const reference = Float32Array.from(oracle, (value, index) => value + (index === 0 ? 2 ** -23 : 0));
    const triple = site(float32Tensor(engine, [20]), float32Tensor(reference, [20]), float64Tensor(oracle, [20]));
    expect([4, 3.999].map((limit) => judge(triple, { limit }).status)).toEqual(["pass", "fail"]);
  });
});

describe("an exact operation", () => {
  const values = Float32Array.from({ length: 32 }, normal("exact"));
  const shape = [4, 8];
  const oracle = float64Tensor(Float64Array.from(values), shape);
  const exact = (engine: Float32Array) =>
    judge(site(float32Tensor(engine, shape), float32Tensor(values, shape), oracle), rules);

  it("passes when the engine is bit-equal", () => {
    expect(exact(values.slice()).status).toBe("pass");
  });

  it("fails on a single last bit", () => {
    const engine = values.slice();
    new Uint32Array(engine.buffer)[17]! ^= 1;
    const last = { index: [2, 1], found: engine[17], expected: values[17] };
    expect(exact(engine)).toMatchObject({ status: "fail", why: { kind: "not exact", first: last, count: 1, of: 32 } });
  });
});

describe("whole numbers", () => {
  it("pass when they are equal", () => {
    expect(judge(site(int64Tensor([1, 2], [2]), int64Tensor([1, 2], [2])), rules).status).toBe("pass");
  });

  it("fail on the smallest difference, with its place", () => {
    const judged = judge(site(int64Tensor([0, 2, 2, 4], [2, 2]), int64Tensor([0, 1, 2, 3], [2, 2])), rules);
    const first = { index: [0, 1], found: 2, expected: 1 };
    expect(judged).toEqual({ status: "fail", why: { kind: "not exact", first, count: 2, of: 4 } });
  });
});

describe("padding", () => {
  const tokens = { batch: 2, start: 0, end: 3, length: 3, mask: [0, 1, 1, 1, 1, 1] };

  it("is not compared", () => {
    const { triple, engine } = healthy("padding", [2, 3, 8]);
    engine.fill(Number.NaN, 0, 8);
    expect(judge(triple, { ...rules, tokens }).status).toBe("pass");
  });

  it("hides nothing else", () => {
    const { triple, engine } = healthy("padding", [2, 3, 8]);
    engine[8]! += 1;
    expect(judge(triple, { ...rules, tokens }).status).toBe("fail");
  });

  it("leaves the tensors as they were", () => {
    const { triple, engine } = healthy("padding", [2, 3, 8]);
    const before = engine.slice();
    judge(triple, { ...rules, tokens });
    expect(engine).toEqual(before);
  });
});
