/** The files that `lockstep init` writes: a first case with its golden, a test of it, and a CI job. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../engine/registry.ts";
import { UsageError } from "../trace/errors.ts";
import { writeWhole } from "../trace/whole-file.ts";

const example = join(packageRoot, "examples", "vitest-engine");

/** Path to content. The engine is named as `--engine` takes it. */
export function skeletonFiles(engine: string): ReadonlyMap<string, string | Uint8Array> {
  const copied = ["cases/tiny_llama.case.ts", "golden/tiny_llama/text.golden"];
  return new Map<string, string | Uint8Array>([
    ...copied.map((file) => [file, readFileSync(join(example, file))] as const),
    ["lockstep.test.ts", testFile(engine)],
    ["vitest.lockstep.config.ts", configFile],
    [".github/workflows/lockstep.yml", workflowFile],
  ]);
}

/**
 * Writes the files below `folder`; returns their paths.
 * @throws UsageError when one of them is there already: then nothing is written.
 */
export function writeSkeleton(folder: string, files: ReadonlyMap<string, string | Uint8Array>): string[] {
  const taken = [...files.keys()].filter((file) => existsSync(join(folder, file)));
  if (taken.length > 0)
    throw new UsageError(
      `expected to write new files, found ${taken.join(", ")} in ${folder}; nothing was written: move what is there, or copy the parts you want from docs/vitest.md`,
    );
  for (const [file, content] of files) {
    writeWhole(join(folder, file), content);
  }
  return [...files.keys()];
}

function testFile(engine: string): string {
  return `import { defineParitySuite } from "lockstep/vitest";

// One test for each case in cases/. "typescript" is lockstep's own engine, so this passes as it is: put yours in its
// place, a command
// ("cmd:./my-engine --serve"), a PyTorch factory ("torch:my_engine.py:build"), or an object with \`load\` and \`run\`.
defineParitySuite("cases/**", {
  engine: ${JSON.stringify(engine)},
  against: "golden", // recorded, no Python needed; "reference" runs transformers and finds causes
});
`;
}

const configFile = `import { lockstepReporter } from "lockstep/vitest/reporter";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["lockstep.test.ts"],
    reporters: ["default", lockstepReporter({ html: "reports/index.html", junit: "reports/junit.xml" })],
  },
});
`;

const workflowFile = `name: lockstep
on:
  push:
    branches: [main]
  pull_request:
jobs:
  parity:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 24
      - run: npm ci
      - run: npx vitest run --config vitest.lockstep.config.ts
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: lockstep
          path: reports/
`;
