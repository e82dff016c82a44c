import { expect, test } from "vitest";
import { countOutcomes, expectationNote, outcomeOf } from "./outcome.ts";

const known = { fail_at: "model.norm:out" };

test("a known fault that fails in its place is as good as a pass", () => {
  const verdict = { status: "fail", met: true, expectation: known } as const;
  expect(outcomeOf(verdict)).toBe("expected");
  expect(expectationNote(verdict)).toBe("The case holds a known fault and has to fail at model.norm:out. It does.");
});

test("a known fault that passes is a failure", () => {
  const verdict = { status: "pass", met: false, expectation: known } as const;
  expect(outcomeOf(verdict)).toBe("fail");
  expect(expectationNote(verdict)).toBe("The case has to fail at model.norm:out, but every site passed.");
});

test("a known fault that fails elsewhere is a failure", () => {
  const verdict = { status: "fail", met: false, expectation: known } as const;
  expect(outcomeOf(verdict)).toBe("fail");
  expect(expectationNote(verdict)).toBe("The case has to fail at model.norm:out, but it did not fail there.");
});

test("what could not be judged is never counted as a pass", () => {
  const verdicts = [
    { status: "pass", met: true, expectation: "pass" },
    { status: "pass", met: false, expectation: "pass" },
    { status: "unknown", met: true, expectation: "pass" },
    { status: "error", met: false, expectation: "pass" },
  ] as const;
  expect(countOutcomes(verdicts)).toEqual({ pass: 1, expected: 0, fail: 1, unknown: 1, error: 1 });
});
