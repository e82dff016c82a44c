import { expect, it } from "vitest";
import type { Verdict } from "../verdict/schema.ts";
import { UsageError } from "../trace/errors.ts";
import { checkMinimisable } from "./minimise.ts";

const failing = {
  case: "x/text",
  mode: "live",
  status: "fail",
  culprit: { site: "model.norm:out", summary: "434x noise" },
  error: null,
} as unknown as Verdict;

function refusal(changes: Partial<Verdict>): string {
  try {
    checkMinimisable({ ...failing, ...changes });
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  return "not refused";
}

const error = { message: "no module x", stderr_tail: [] };

it("verdicts without a failure that can be kept are refused with what to do", () => {
  const refused: Partial<Verdict>[] = [
    { status: "pass", culprit: null },
    { status: "unknown", culprit: null },
    { mode: "shapes" },
    { culprit: null },
    { status: "error", culprit: null, error: { ...error, kind: "usage" } },
  ];
  expect(`\n${refused.map(refusal).join("\n")}\n`).toMatchInlineSnapshot(`
    "
    the verdict of x/text is pass: expected a failing one, there is nothing to minimise
    the verdict of x/text is unknown: expected a failing one, there is nothing to minimise
    the verdict of x/text compares shapes only, which needs no small model: expected one of lockstep run
    the verdict of x/text names no culprit: expected one, so that the failure can be recognised
    the verdict of x/text is an error of kind usage (no module x): mend that and run the case again
    "
  `);
});

it("failures and crashes are not", () => {
  expect(() => checkMinimisable(failing)).not.toThrow();
  expect(() =>
    checkMinimisable({ ...failing, status: "error", culprit: null, error: { ...error, kind: "engine" } }),
  ).not.toThrow();
});
