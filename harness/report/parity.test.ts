import { expect, test } from "vitest";
import type { Verdict } from "../verdict/schema.ts";
import { liveVerdict } from "./html/test-verdicts.ts";
import { renderParity } from "./parity.ts";

const base = liveVerdict({});
const run = (name: string, dtype: string, change: Partial<Verdict> = {}): Verdict => ({
  ...base,
  ...{ case: name, dtype, status: "pass", expectation: "pass", met: true, culprit: null, culprits: [] },
  coverage: { compared: 10, total: 10, unknown: [], unexpected: [] },
  worst: { site: "a", phase: "full", ratio: 1.5 },
  power: { seen: 97, total: 100, holes: [] },
  ...change,
});

test("cases of an architecture share a row, dtypes have columns, what is red says how much of it", () => {
  const fail = { status: "fail" as const, met: false, worst: { site: "b", phase: "full", ratio: 1234 } };
  const table = renderParity(
    [
      run("llama/chunked", "float32"),
      run("llama/rope", "float32", { worst: { site: "a", phase: "full", ratio: 2 } }),
      run("llama/chunked", "bfloat16", fail),
      run("bert/masked", "float32"),
      run("checkpoint/smollm2", "float32", { power: null }),
      run("seed/12b", "float32", { expectation: { fail_at: "x" }, status: "fail" }),
    ],
    "npx lockstep parity",
  );
  expect(table.split("\n").filter((line) => line.startsWith("|"))).toEqual([
    "| architecture | float32 | bfloat16 | power |",
    "| --- | --: | --: | --: |",
    "| `bert` | ✅ 10/10, 1.50x | not run | 97 % |",
    "| `llama` | ✅ 20/20, 2.00x | ❌ 1 of 1 cases 10/10, 1,234x | 97 % |",
    "| `smollm2` | ✅ 10/10, 1.50x | not run |  |",
  ]);
  expect(table).toContain("4 of 5 runs green, 50 sites compared");
});
