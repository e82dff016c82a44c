/** What every standard case must have for its verdict to mean what it says. */
import { expect, test } from "vitest";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import { toNumbers } from "../../harness/trace/tensor.ts";

const cases = await loadCases(standardFolders.cases);

test("a padded case has one forward over all tokens: padding reaches real tokens by other ways there than in chunks", () => {
  const padded = cases.filter(({ kind, inputs }) => {
    const mask = kind === "run" ? inputs(0).get("attention_mask") : undefined;
    return mask !== undefined && toNumbers(mask).includes(0);
  });
  expect(padded.length).toBeGreaterThan(20);
  expect(padded.filter(({ phases }) => phases.every(({ cache }) => cache)).map(({ name }) => name)).toEqual([]);
});
