import { expect, test } from "vitest";
import { decidingOf, detailOf, isMisshapen, statusOf, tieOf } from "./deciding.ts";
import { fail, notOffered, pass, siteWith } from "./test-sites.ts";

const notFinite = fail(1, { why: { kind: "not finite", count: 3 } });

test("the local judgement decides where there is one", () => {
  expect(statusOf(siteWith({ run: fail(), local: pass() }))).toBe("pass");
  expect(statusOf(siteWith({ run: pass(), local: fail() }))).toBe("fail");
  expect(statusOf(siteWith({ run: fail() }))).toBe("fail");
  expect(statusOf(siteWith({ run: notOffered }))).toBe("unknown");
  expect(statusOf(siteWith({}))).toBe("unknown");
});

test("values that are not finite in the engine's run alone fail, though the step is right on the data that it got", () => {
  expect(decidingOf(siteWith({ run: notFinite, local: pass() }))).toBe(notFinite);
  expect(decidingOf(siteWith({ run: notFinite, local: notOffered }))).toBe(notFinite);
  const own = fail(7);
  expect(decidingOf(siteWith({ run: notFinite, local: own }))).toBe(own);
});

test("the detail is the deciding judgement's, else the other's", () => {
  const detail = { worst_elements: [], histogram: [1], where: [] };
  const [far, near] = [fail(9, { detail }), fail(8, { detail: { ...detail, histogram: [2] } })];
  expect(detailOf(siteWith({ run: far, local: near }))?.histogram).toEqual([2]);
  expect(detailOf(siteWith({ run: far, local: pass() }))?.histogram).toEqual([1]);
  expect(detailOf(siteWith({ run: pass(), local: pass() }))).toBeNull();
});

test("a tie is one where the deciding judgement passes", () => {
  const tie = { count: 1, rows: 2, first: { row: 0, found: [1], expected: [2], gap: 0.1 } };
  expect(tieOf(siteWith({ run: fail(), local: { status: "pass", tie } }))).toBe(tie);
  expect(tieOf(siteWith({ run: { status: "pass", tie }, local: fail() }))).toBeNull();
});

test("another shape or dtype can't take the reference's place", () => {
  const shape = fail(1, { why: { kind: "shape", expected: [1], found: [2] } });
  const dtype = fail(1, { why: { kind: "dtype", expected: "F32", found: "BF16" } });
  expect([shape, dtype, fail(), pass()].map((local) => isMisshapen(siteWith({ local })))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
