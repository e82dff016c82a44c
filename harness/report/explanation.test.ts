import { expect, test } from "vitest";
import { distancesText, phasesText, powerPercent } from "./explanation.ts";

test("distances, and equality where there is no noise to count in", () => {
  const times = (ratio: number): string => `${ratio}x`;
  expect(distancesText([900, 1.1], "change", times)).toBe(
    "900x noise from the reference, 1.1x from the reference with this change",
  );
  expect(distancesText([1e30, 0], "change", times)).toBe(
    "not equal to the reference, equal to the reference with this change",
  );
});

test("phases, where a change is not made in all", () => {
  expect(phasesText({ phases: ["decode:1"], not_in: [] })).toBe("");
  expect(phasesText({ phases: ["decode:1"], not_in: ["prefill"] })).toBe("in decode:1 only, not in prefill");
});

test("power is rounded down, and nothing of nothing is none", () => {
  expect([411, 428, 427].map((seen) => powerPercent({ seen, total: 428 }))).toEqual(["96 %", "100 %", "99 %"]);
  expect(powerPercent({ seen: 0, total: 0 })).toBe("0 %");
});
