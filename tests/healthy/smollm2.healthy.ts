/**
 * Right ways to compute a trained model of 135 million parameters, whose activations have outliers a hundred times
 * their rms.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkpointCase } from "../../harness/case/checkpoint.ts";
import { defineHealthy } from "../../harness/selftest/healthy.ts";
import { cacheDirectory } from "../../harness/setup/cache.ts";

/** "The capital of France is Paris, and the river that runs through it ..." */
const ids = [504, 3575, 282, 4649, 314, 7042, 28, 284, 260, 4626, 338, 7313, 738, 357];
const suffixes = { float32: "f32", bfloat16: "bf16" } as const;
const file = fileURLToPath(new URL("../support/healthy_engines.py", import.meta.url));

function smollm2(title: string, factory: string, dtype: keyof typeof suffixes, lacks: string[] = []) {
  const folder = join(cacheDirectory(), "models", `smollm2-135m-instruct-${suffixes[dtype]}`);
  const there = existsSync(join(folder, "config.json"));
  return {
    title: `SmolLM2-135M: ${title}`,
    engine: `torch:${file}:${factory}`,
    // An unused name where the weights are missing: the variant is then not run.
    cases: there ? [checkpointCase(folder, ids)] : ["checkpoint"],
    dtypes: [dtype],
    lacks,
    ...(!there && { missing: "its weights are not there; npm run models fetches them" }),
  };
}

const inner = ["*.self_attn#*"];

export const healthy = defineHealthy([
  smollm2("eager attention", "eager", "float32"),
  smollm2("scaled_dot_product_attention", "sdpa", "float32", inner),
  smollm2("two threads", "two_threads", "float32"),
  smollm2("sums over K in three parts", "split_k", "float32"),
  smollm2("eager attention", "eager", "bfloat16"),
  smollm2("scaled_dot_product_attention", "sdpa", "bfloat16", inner),
  smollm2("two threads", "two_threads", "bfloat16"),
]);
