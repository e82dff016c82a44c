import { defineConfig } from "vitest/config";

const slow = ["**/*.live.test.ts", "**/*.browser.test.ts"];
const exclude = ["node_modules/**", "dist/**", "examples/**"];

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["**/*.test.ts"], exclude: [...exclude, ...slow], testTimeout: 20_000 } },
      {
        // One process for all of them, so that they share one warm reference.
        test: {
          name: "live",
          include: ["**/*.live.test.ts"],
          exclude,
          pool: "forks",
          maxWorkers: 1,
          isolate: false,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 600_000,
        },
      },
      { test: { name: "browser", include: ["**/*.browser.test.ts"], exclude, testTimeout: 60_000 } },
    ],
  },
});
