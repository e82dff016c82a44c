import { expect, test } from "vitest";
import { countsText, outcomeOf } from "./outcome.ts";

const all = [
  { status: "pass", met: true },
  { status: "fail", met: false },
  { status: "fail", met: true },
  { status: "fail", met: true },
  { status: "pass", met: false },
  { status: "unknown", met: false },
  { status: "error", met: false },
  { status: "error", met: false },
] as const;

test("an outcome is the status, with two marked forms for a case that is expected to fail", () => {
  expect(all.map(outcomeOf)).toEqual([
    ...["pass", "fail", "expected failure", "expected failure", "unexpected pass", "unknown", "error", "error"],
  ]);
});

test("counts name the outcomes that there are, in one order", () => {
  expect(countsText(all)).toBe("1 pass, 2 expected failures, 1 fail, 1 unexpected pass, 1 unknown, 2 errors");
  expect(countsText([])).toBe("");
});
