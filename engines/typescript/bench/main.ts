/** The second half of `npm run bench`: the TypeScript engine against torch, in one run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { line } from "../../../harness/bench/figures.ts";
import type { Figure } from "../../../harness/bench/figures.ts";
import { referenceEngine } from "../../../harness/engine/registry.ts";
import { requirementFiles } from "../../../harness/engine/pool.ts";
import { cacheDirectory } from "../../../harness/setup/cache.ts";
import { ensureEnvironment, PythonUnavailable } from "../../../harness/setup/python.ts";
import { benchKernels } from "./kernels.ts";
import { benchModel } from "./model.ts";
import { benchOthers } from "./others.ts";
import { startTorch } from "./torch.ts";

const write = (text: string): void => void process.stdout.write(`${text}\n`);
const threadCounts = [1, 2];

async function benchEngine(): Promise<void> {
  const { python } = await ensureEnvironment(
    requirementFiles(referenceEngine()),
    (text) => void process.stderr.write(`${text}\n`),
  );
  const torch = startTorch(python);
  const show = async (figures: AsyncGenerator<Figure>): Promise<void> => {
    for await (const figure of figures) write(line(figure));
  };
  try {
    await show(benchKernels(torch, threadCounts));
    for (const [dtype, suffix] of [
      ["float32", "f32"],
      ["bfloat16", "bf16"],
    ] as const) {
      const folder = join(cacheDirectory(), "models", `smollm2-135m-instruct-${suffix}`);
      if (existsSync(folder)) await show(benchModel(torch, folder, { dtype, threadCounts }));
      else
        write(
          line({
            section: "model",
            what: `SmolLM2-135M ${dtype}`,
            value: "not measured",
            from: "npm run models fetches it",
          }),
        );
    }
  } finally {
    await torch.close();
  }
  await show(benchOthers());
}

try {
  await benchEngine();
} catch (error) {
  if (!(error instanceof PythonUnavailable)) throw error;
  write(`bench  the engine is not compared with torch: ${error.message}`);
}
