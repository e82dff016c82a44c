import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { Case } from "../case/case.ts";
import { planGoldenRuns } from "./goldens.ts";
import { defineHealthy } from "./healthy.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder: string;
beforeAll(() => {
  folder = testFolder();
  mkdirSync(join(folder, "a"));
  writeFileSync(join(folder, "a", "text.golden"), "");
});

const cases = ["a/text", "a/new", "a/shapes"].map(
  (name) => ({ name, kind: name === "a/shapes" ? "shapes" : "run" }) as Case,
);
const variants = defineHealthy([
  { title: "split", engine: "torch:x.py:split", cases: ["a"], dtypes: ["float32", "bfloat16"], seeds: [0, 1] },
  { title: "own", cases: ["a"], dtypes: ["float32"] },
]);

it("right engines are checked where there is a golden, in its dtype, on its seed, and each once", () => {
  const runs = planGoldenRuns({ cases, variants }, { folder, reference: "transformers" });
  expect(
    runs.map(({ variant, testCase, dtype, seed }) => [variant.engine ?? "own", testCase.name, dtype, seed]),
  ).toEqual([
    ["own", "a/text", "float32", 0],
    ["transformers", "a/text", "float32", 0],
    ["torch:x.py:split", "a/text", "float32", 0],
  ]);
});

it("without Python only the cases' own engine is", () => {
  const runs = planGoldenRuns({ cases, variants }, { folder, reference: null });
  expect(runs.map(({ variant, testCase }) => [variant.title, testCase.name])).toEqual([
    ["the cases' own engine", "a/text"],
  ]);
});
