import { expect, test } from "vitest";
import type { PastResult } from "./trend.ts";
import { liveVerdict } from "./test-verdicts.ts";
import { trendOf } from "./trend.ts";

const verdict = { ...liveVerdict({}), case: "a/b", dtype: "float32", seed: 0, rerun: { engine: "typescript" } };
const line = (night: string, ratio: number | null, change: Partial<PastResult> = {}): PastResult =>
  ({
    ...{ night, case: "a/b", engine: "typescript", dtype: "float32", seed: 0, status: "pass" },
    reference: { version: "1", roles: ["pinned"] },
    worst: ratio === null ? null : { site: "x", phase: "full", ratio },
    ...change,
  }) as PastResult;

test("nights of the same case, engine, dtype and seed, against the pinned reference", () => {
  const found = trendOf(verdict, [
    line("1", 1.1),
    line("1", 9, { dtype: "bfloat16" }),
    line("1", 9, { case: "a/c" }),
    line("1", 9, { engine: "torch:x" }),
    line("1", 9, { seed: 1 }),
    line("1", 9, { reference: { version: "0", roles: ["previous"] } }),
    line("2", null, { status: "error" }),
    line("3", 2.5),
  ]);
  expect(found).toEqual([
    { night: "1", status: "pass", ratio: 1.1 },
    { night: "2", status: "error", ratio: null },
    { night: "3", status: "pass", ratio: 2.5 },
  ]);
});
