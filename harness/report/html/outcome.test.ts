import { expect, test } from "vitest";
import { outcomeOf } from "../../verdict/words/outcome.ts";
import { countOutcomes, expectationNote, toneOf } from "./outcome.ts";
import { errorVerdict, liveVerdict, unknownVerdict } from "./test-verdicts.ts";
import { seedVerdict } from "./test-samples.ts";

test("a known fault that fails where it has to is as good as a pass", () => {
  const verdict = seedVerdict();
  expect([outcomeOf(verdict), toneOf(outcomeOf(verdict))]).toEqual(["expected failure", "expected"]);
  expect(expectationNote(verdict)).toMatch(/has to fail at .*o_proj:in\. It does\.$/);
});

test("a known fault that fails elsewhere is a fail", () => {
  const verdict = { ...seedVerdict(), met: false };
  expect(outcomeOf(verdict)).toBe("fail");
  expect(expectationNote(verdict)).toContain("did not fail there");
});

test("a known fault that passes is an unexpected pass, and looks like a fail", () => {
  const verdict = { ...seedVerdict(), status: "pass" as const, met: false };
  expect([outcomeOf(verdict), toneOf(outcomeOf(verdict))]).toEqual(["unexpected pass", "fail"]);
  expect(expectationNote(verdict)).toContain("every site passed");
});

test("a case that has to pass needs no note", () => {
  expect(expectationNote(liveVerdict())).toBeNull();
});

test("counts", () => {
  expect(countOutcomes([liveVerdict(), errorVerdict(), unknownVerdict(), seedVerdict()])).toEqual([
    ["pass", 1],
    ["expected failure", 1],
    ["unknown", 1],
    ["error", 1],
  ]);
});
