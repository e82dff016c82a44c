/**
 * Trained weights, not drawn ones: SmolLM2-135M-Instruct, whose activations have outliers a hundred times their rms.
 * The same limit holds: healthy engines are green, and a fault in one of 30 layers is located there. `npm run models`
 * fetches the weights.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { changeText } from "../../harness/verdict/words/change.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { checkpointCase } from "../../harness/case/checkpoint.ts";
import type { EnginePool } from "../../harness/engine/pool.ts";
import { createPool } from "../../harness/engine/pool.ts";
import { writeInputs } from "../../harness/case/inputs-file.ts";
import { defaultLimit, runCase } from "../../harness/run/live.ts";
import { toNumbers } from "../../harness/trace/tensor.ts";
import { livePool } from "../support/live.ts";
import { haveModels, realModel } from "./models.ts";

/** "The capital of France is Paris, and the river that runs through it is called the Seine." */
const sentence = [
  504, 3575, 282, 4649, 314, 7042, 28, 284, 260, 4626, 338, 7313, 738, 357, 314, 1217, 260, 1268, 462, 30,
];
const file = fileURLToPath(new URL("../support/torch_engine.py", import.meta.url));
const names = { float32: "smollm2-135m-instruct-f32", bfloat16: "smollm2-135m-instruct-bf16" } as const;
const folders = { float32: realModel(names.float32), bfloat16: realModel(names.bfloat16) } as const;
type RealDtype = keyof typeof folders;

const there = haveModels(...Object.values(names));

/** Runs `use` with engines of its own: each factory is another process with another model in memory. */
async function withEngines<T>(use: (pool: EnginePool) => Promise<T>): Promise<T> {
  const pool = createPool({ report: () => undefined });
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

function verdictOf(pool: EnginePool, name: string, dtype: RealDtype) {
  return runCase(pool, checkpointCase(folders[dtype], sentence), { engine: `torch:${file}:${name}`, dtype });
}

/** Largest magnitude that the loaded reference has at the outputs of its layers. */
async function largestActivation(pool: EnginePool, dtype: RealDtype): Promise<number> {
  const { inputs, phases } = checkpointCase(folders[dtype], sentence);
  const [prefill] = phases;
  const reference = await pool.reference();
  let largest = 0;
  const run = { inputs: writeInputs(inputs(0)).path, phases: [prefill!], sites: ["model.layers.*:out"], oracle: false };
  for await (const { taps } of reference.run(run))
    for (const { tensor } of taps) for (const value of toNumbers(tensor)) largest = Math.max(largest, Math.abs(value));
  return largest;
}

describe.skipIf(livePool === null || !there)("SmolLM2-135M-Instruct", () => {
  it.each(["float32", "bfloat16"] as const)("is green in %s, with activations above 1000", async (dtype) => {
    await withEngines(async (pool) => {
      const verdict = await verdictOf(pool, "healthy", dtype);
      expect(verdict.status, renderVerdict(verdict)).toBe("pass");
      expect(verdict.coverage.compared).toBe(verdict.coverage.total);
      expect(verdict.coverage.total).toBeGreaterThan(1000);
      expect(await largestActivation(pool, dtype)).toBeGreaterThan(1000);
    });
  });

  it.each([
    // 1e-6 for 1e-5 is 4.7x noise: what eps the engine has is known to a third of it.
    ["llama_eps", "float32", "model.layers.7.input_layernorm:out", /\b([5-9]\.?\d*e-7|1\.?\d*e-6)\b.*1e-5/],
    ["llama_gelu", "float32", "model.layers.20.mlp.act_fn:out", /GELU \(erf\).*SiLU/],
    ["llama_gelu", "bfloat16", "model.layers.20.mlp.act_fn:out", /GELU \(erf\).*SiLU/],
  ] as const)("with %s in %s is located at %s, and why is said", async (name, dtype, site, cause) => {
    await withEngines(async (pool) => {
      const verdict = await verdictOf(pool, name, dtype);
      expect(verdict.culprit?.site, renderVerdict(verdict)).toBe(site);
      expect(verdict.culprits).toHaveLength(1);
      const { status, ratio, candidates } = verdict.culprit!.explanation!;
      expect(status, renderVerdict(verdict)).toMatch(/^(explained|ambiguous)$/);
      expect(ratio).toBeGreaterThan(defaultLimit);
      const right = candidates.find((one) => [one, ...one.synonyms].some((told) => cause.test(changeText(told))));
      expect(right?.ratio, renderVerdict(verdict)).toBeLessThan(defaultLimit);
    });
  });
});
