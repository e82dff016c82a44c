import { expect, test } from "vitest";
import { type Counterfactual, counterfactual } from "../verdict/explanation.ts";
import { distancesText, phasesText, powerPercent, sortCandidates } from "./explanation.ts";

const candidate = (id: string, changes: Partial<Counterfactual> = {}): Counterfactual => ({
  ...counterfactual.parse({ id, category: "norm", sentence: "", source: "", ratio: 1, phases: ["prefill"] }),
  ...changes,
});

test("rivals assume as little as the cause; a form of the error is never one of them", () => {
  const candidates = [
    candidate("a"),
    candidate("b"),
    candidate("c + d"),
    candidate("e [head 0]"),
    candidate("f", { category: "pattern" }),
  ];
  const sorted = sortCandidates({ status: "ambiguous", candidates });
  const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);
  expect([sorted.cause?.id, ids(sorted.rivals), ids(sorted.lesser), ids(sorted.forms)]).toEqual([
    "a",
    ["b"],
    ["c + d", "e [head 0]"],
    ["f"],
  ]);
});

test("what is explained has no rivals, what is a pattern no cause", () => {
  expect(sortCandidates({ status: "explained", candidates: [candidate("a"), candidate("b")] }).rivals).toEqual([]);
  const { cause, forms } = sortCandidates({
    status: "pattern",
    candidates: [candidate("f", { category: "pattern" })],
  });
  expect([cause, forms.length]).toEqual([null, 1]);
});

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
