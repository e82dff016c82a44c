/** What every standard case must have for its verdict to mean what it says. */
import { expect, test } from "vitest";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import { toNumbers } from "../../harness/trace/tensor.ts";

const cases = await loadCases(standardFolders.cases);

/** Variants of llama/chunked, which has one: some ropes grow with the longest sequence so far, so that all at once is another model than its chunks. */
const ropes = /^llama\/rope_/;

test("a padded case has one forward over all tokens: padding reaches real tokens by other ways there than in chunks", () => {
  const padded = cases.filter(({ name, kind, inputs }) => {
    const mask = kind === "run" && !ropes.test(name) ? inputs(0).get("attention_mask") : undefined;
    return mask !== undefined && toNumbers(mask).includes(0);
  });
  expect(padded.length).toBeGreaterThan(20);
  expect(padded.filter(({ phases }) => phases.every(({ cache }) => cache)).map(({ name }) => name)).toEqual([]);
});
