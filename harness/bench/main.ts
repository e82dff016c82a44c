/** `npm run bench`: medians on this machine, ratios from one run. Says where something can't be measured, and why. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../engine/registry.ts";
import type { Case } from "../case/case.ts";
import { checkpointCase } from "../case/checkpoint.ts";
import { loadCases, selectCases } from "../case/discover.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool } from "../engine/pool.ts";
import { cacheDirectory } from "../setup/cache.ts";
import { PythonUnavailable } from "../setup/python.ts";
import { drawUniform } from "../trace/draw.ts";
import { benchCache } from "./cache.ts";
import { benchMemory, benchWarmCase } from "./case.ts";
import { benchExplain } from "./explain.ts";
import type { Figure } from "./figures.ts";
import { line } from "./figures.ts";
import { benchComparison, benchProjection, benchSpool } from "./numbers.ts";
import { benchReference } from "./reference.ts";

const write = (text: string): void => void process.stdout.write(`${text}\n`);
const start = performance.now();
let figures = 0;

async function show(section: AsyncGenerator<Figure>): Promise<void> {
  for await (const figure of section) {
    write(line(figure));
    figures += 1;
  }
}

/** The real model where `npm run models` has put it, on 32 tokens. */
function realCase(): Case | null {
  const folder = join(cacheDirectory(), "models", "smollm2-135m-instruct-f32");
  return existsSync(folder)
    ? checkpointCase(folder, [...drawUniform(0, "ids", 32, 100, 40_000)].map(Math.floor))
    : null;
}

/**
 * Prints the figures of live runs. It comes before the other sections, whose large arrays would raise the harness's
 * peak.
 */
async function showLive(pool: EnginePool): Promise<void> {
  await pool.reference(); // a case makes a verdict of what it throws
  const folder = join(packageRoot, "cases");
  const cases = await loadCases(folder);
  const testCase = selectCases(cases, ["gemma4_unified/text", "gemma4_unified/decode", "gemma4_unified/causal_lm"]);
  const [text, decode, causal] = testCase as [Case, Case, Case];
  for (const warm of [text, decode]) await show(benchWarmCase(pool, warm));
  await show(benchMemory(pool, causal));
  await show(benchExplain(pool, cases, folder));
  await show(benchCache(pool, decode));
  await show(benchReference(pool, decode, "tiny, 10 phases"));
  const real = realCase();
  if (real) await show(benchReference(pool, real, "SmolLM2-135M, 6 phases"));
  else
    write(
      line({ section: "reference", what: "SmolLM2-135M", value: "not measured", from: "npm run models fetches it" }),
    );
}

const pool = createPool({ report: (text) => void process.stderr.write(`${text}\n`) });
let left = "";
try {
  await showLive(pool);
} catch (error) {
  if (!(error instanceof PythonUnavailable)) throw error;
  left = `; nothing of the live reference: ${error.message}`;
} finally {
  await pool.close();
}
for (const section of [benchComparison(), benchProjection(), benchSpool()]) await show(section);
write(
  `bench  ${figures} figures in ${((performance.now() - start) / 1000).toFixed(0)} s: medians, Node ${process.versions.node}, ${availableParallelism()} cores${left}`,
);
