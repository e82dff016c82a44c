import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import type { TestSpecification } from "vitest/node";
import { BaseSequencer } from "vitest/node";

/** Where a test file belongs is in its name: CONTRIBUTING.md. */
const kinds = ["live", "all", "night", "browser"];
const exclude = ["node_modules/**", "dist/**", "examples/**"];

/** Test files that share processes, one after the other: modules, warm engines and the reference are loaded once in each. */
function project(name: string, include: string, without: readonly string[] = []) {
  return {
    test: {
      name,
      include: [include],
      exclude: [...exclude, ...without],
      setupFiles: ["tests/support/setup.ts"],
      pool: "forks" as const,
      isolate: false,
      // These end what hangs; a machine that is ten times slower must not reach them.
      testTimeout: 3_600_000,
      hookTimeout: 3_600_000,
    },
  };
}

/** Starts the longest test files first: begun last, they would keep one core busy alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): number => Number(/[\\/](faults|healthy)[-.]/.test(moduleId));
    return (await super.sort(files)).toSorted((a, b) => isLong(b) - isLong(a));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    globalSetup: ["tests/support/suite.ts"],
    teardownTimeout: 60_000,
    // Two keep both cores of a small machine busy; each of those of live tests has a reference of its own, half a gigabyte.
    maxWorkers: Math.min(4, Math.max(2, availableParallelism())),
    projects: [
      project(
        "unit",
        "**/*.test.ts",
        kinds.map((kind) => `**/*.${kind}.test.ts`),
      ),
      ...kinds.map((kind) => project(kind, `**/*.${kind}.test.ts`)),
    ],
  },
});
