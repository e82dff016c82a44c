import { describe, expect, it } from "vitest";
import type { RawTensor } from "../trace/tensor.ts";
import { float32Tensor, int64Tensor, toNumbers } from "../trace/tensor.ts";
import { inOrderOfChoice, judgeChoice } from "./choice.ts";
import type { Judgement } from "../verdict/site.ts";
import type { TapTriple } from "./judge.ts";

const rules = { limit: 4 };

function triple(site: string, [engine, reference, oracle]: readonly [RawTensor, RawTensor, RawTensor]): TapTriple {
  return { site, engine, reference, oracle };
}

/** Logits of 2 rows over 4 columns whose noise is 1e-6 throughout; row 0 has columns 1 and 2 `gap` apart. */
function logits(gap: number): TapTriple {
  const exact = [0.5, 1, 1 + gap, 2, 3, 0.25, 0.125, 2.5];
  const rounded = exact.map((value, index) => value + (index % 2 === 0 ? 1e-6 : -1e-6));
  const tensors = [rounded, rounded, exact].map((all) => float32Tensor(Float32Array.from(all), [2, 4]));
  return triple("gate:out", tensors as [RawTensor, RawTensor, RawTensor]);
}

/**
 * A router's choice on all three sides, 2 of 4 experts in each of 2 rows; the oracle chooses as the reference does
 * unless told otherwise.
 */
function choice(engine: number[], reference: number[], oracle = reference): TapTriple {
  const tensors = [engine, reference, oracle].map((all) => int64Tensor(all, [2, 2]));
  return triple("gate:out.2", tensors as [RawTensor, RawTensor, RawTensor]);
}

function verdictOf(engine: number[], options: { gap?: number; oracle?: number[] } = {}) {
  const { gap = 0.5, oracle } = options;
  return judgeChoice({ logits: logits(gap), choice: choice(engine, [3, 2, 0, 3], oracle) }, rules)!.judgement;
}

/** The rows of a choice that passes as a tie; null for any other. */
function tieOfRouter(judgement: Judgement) {
  return judgement.status === "pass" ? (judgement.tie ?? null) : null;
}

describe("a router's choice", () => {
  it("passes when it is the reference's", () => {
    expect(verdictOf([3, 2, 0, 3])).toEqual({ status: "pass" });
  });

  it("may come in another order, and that is no tie", () => {
    const verdict = verdictOf([2, 3, 3, 0]);
    expect(verdict).toEqual({ status: "pass" });
  });

  it("that is another, of logits closer than rounding can tell, is a tie", () => {
    const verdict = verdictOf([3, 1, 0, 3], { gap: 2e-6 });
    const first = { row: 0, found: [3, 1], expected: [3, 2], gap: expect.closeTo(2, 0) };
    expect(tieOfRouter(verdict)).toEqual({ count: 1, rows: 2, first });
  });

  it("that is another, of logits apart, fails", () => {
    const verdict = verdictOf([3, 1, 0, 3], { gap: 1e-4 });
    const first = { row: 0, found: [3, 1], expected: [3, 2], gap: expect.any(Number) };
    expect(verdict).toEqual({ status: "fail", why: { kind: "choice", flips: { count: 1, rows: 2, first } } });
  });

  it("is not excused by a tie in another row", () => {
    const verdict = verdictOf([3, 1, 0, 2], { gap: 2e-6 });
    const first = { row: 1, found: [0, 2], expected: [0, 3] };
    expect(verdict).toMatchObject({ status: "fail", why: { kind: "choice", flips: { count: 1, rows: 2, first } } });
  });

  it("that float64 makes is a tie whatever the logits: they need not be all that a router chooses by", () => {
    expect(tieOfRouter(verdictOf([3, 1, 0, 3], { oracle: [1, 3, 0, 3] }))).not.toBeNull();
  });

  it.each([
    ["a column that is not there", [3, 9, 0, 3]],
    ["one column twice", [3, 3, 0, 3]],
  ])("of %s fails", (_, engine) => {
    expect(verdictOf(engine, { gap: 0 }).status).toBe("fail");
  });

  it("whose values are no columns of the logits is none", () => {
    const positions = choice([3, 4, 0, 3], [3, 4, 0, 3]);
    expect(judgeChoice({ logits: logits(0.5), choice: positions }, rules)).toBeNull();
  });

  it("of a padding token is nobody's business", () => {
    const routing = { logits: logits(0.5), choice: choice([1, 0, 0, 3], [3, 2, 0, 3]) };
    const tokens = { batch: 2, start: 0, end: 1, mask: [0, 1], length: 1 };
    const twoTokens = { batch: 1, start: 0, end: 2, mask: [0, 1], length: 2 };
    expect(judgeChoice(routing, rules)!.judgement.status).toBe("fail");
    expect(judgeChoice(routing, { ...rules, tokens })!.judgement.status).toBe("pass");
    expect(judgeChoice(routing, { ...rules, tokens: twoTokens })!.judgement.status).toBe("pass");
  });
});

describe("weights of a choice", () => {
  const weights = (all: number[]) => float32Tensor(Float32Array.from(all), [2, 2]);
  const aligned = (engine: number[], gap: number) => {
    const judged = judgeChoice({ logits: logits(gap), choice: choice(engine, [3, 2, 0, 3]) }, rules)!;
    const all = triple("gate:out.1", [weights([1, 2, 3, 4]), weights([5, 6, 7, 8]), weights([5, 6, 7, 8])]);
    const { engine: ours, reference, oracle } = judged.align(all);
    return [ours, reference, oracle].map((tensor) => [...toNumbers(tensor)]);
  };

  it("are compared column by column, in the engine's order", () => {
    expect(aligned([2, 3, 0, 3], 0.5)).toEqual([
      [1, 2, 3, 4],
      [6, 5, 7, 8],
      [6, 5, 7, 8],
    ]);
  });

  it("are left out of rows that choose other columns", () => {
    expect(aligned([3, 1, 0, 3], 2e-6)).toEqual([
      [0, 0, 3, 4],
      [0, 0, 7, 8],
      [0, 0, 7, 8],
    ]);
  });

  it("of another shape stay as they are", () => {
    const judged = judgeChoice({ logits: logits(0.5), choice: choice([3, 2, 0, 3], [3, 2, 0, 3]) }, rules)!;
    const groups = float32Tensor(new Float32Array(2), [2, 1]);
    const all = triple("gate:out.1", [groups, groups, groups]);
    expect(judged.align(all)).toBe(all);
  });
});

describe("a router's outputs in the order of the chosen columns", () => {
  const chosen = int64Tensor([7, 2, 5, 0, 1, 9], [2, 3]);

  it("are the choice sorted row by row, and the weights with it", () => {
    const weights = float32Tensor(Float32Array.of(0.7, 0.2, 0.5, 0, 0.1, 0.9), [2, 3]);
    expect([...toNumbers(inOrderOfChoice(chosen, chosen))]).toEqual([2, 5, 7, 0, 1, 9]);
    expect([...toNumbers(inOrderOfChoice(weights, chosen))]).toEqual([...Float32Array.of(0.2, 0.5, 0.7, 0, 0.1, 0.9)]);
  });

  it("are left alone where they are not one per chosen column", () => {
    const scale = float32Tensor(Float32Array.of(2, 1), [2, 1]);
    expect(inOrderOfChoice(scale, chosen)).toBe(scale);
  });
});
