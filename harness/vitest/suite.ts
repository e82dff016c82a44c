import { globSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Case } from "../case/case.ts";
import { loadCaseFile } from "../case/discover.ts";
import { UsageError } from "../trace/errors.ts";
import type { EngineUnderTest, GoldenOptions, ReferenceOptions } from "./judge.ts";
import { closeEngines } from "./judge.ts";

/** Options of a parity suite: what it compares, and with what. */
export type ParitySuiteOptions = {
  /** The engine that takes the place of each case's own. */
  readonly engine?: EngineUnderTest;
  /** Milliseconds for one case. */
  readonly timeout?: number;
} & (
  | { readonly against?: "reference"; readonly options?: ReferenceOptions }
  | { readonly against: "golden"; readonly options?: GoldenOptions }
);

/**
 * Defines one test for each case of the files that match (`cases/**`, relative to where vitest runs; only `*.case.ts`
 * and `*.case.js` count). Engines stay warm from test to test and end with the suite.
 * @throws UsageError when no case matches: a suite of nothing is no pass.
 */
export function defineParitySuite(pattern: string, suite: ParitySuiteOptions = {}): void {
  const { engine, timeout = 120_000, against = "reference" } = suite;
  describe(`parity with the ${against}, ${pattern}`, { timeout }, async () => {
    afterAll(closeEngines);
    for (const testCase of await casesOf(pattern))
      it(testCase.name, async () => {
        const subject = engine ?? testCase.engine;
        await (suite.against === "golden"
          ? expect(subject).toMatchGolden(testCase, suite.options)
          : expect(subject).toMatchReference(testCase, suite.options as ReferenceOptions));
      });
  });
}

async function casesOf(pattern: string): Promise<Case[]> {
  const files = globSync(pattern)
    .filter((file) => /\.case\.[tj]s$/.test(file))
    .toSorted();
  const cases: Case[] = [];
  for (const file of files) cases.push(...(await loadCaseFile(resolve(file))));
  if (cases.length === 0)
    throw new UsageError(`${pattern}: expected case files (*.case.ts) below ${process.cwd()}, found none`);
  return cases;
}
