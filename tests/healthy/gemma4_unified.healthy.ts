/** Right ways to compute the tiny cases: other summation orders, kernels, threads and cuts of the sequence. */
import { fileURLToPath } from "node:url";
import { defineHealthy } from "../../harness/selftest/healthy.ts";

const file = fileURLToPath(new URL("../support/healthy_engines.py", import.meta.url));
const torch = (factory: string): string => `torch:${file}:${factory}`;

const [padded, chunked, everything] = [
  "gemma4_unified/left_padded",
  "gemma4_unified/chunked",
  "gemma4_unified/everything",
];
const all = ["float32", "bfloat16", "float16"] as const;

export const healthy = defineHealthy([
  { title: "TypeScript engine", cases: [padded, chunked], dtypes: [...all], seeds: [0, 1, 2] },
  { title: "TypeScript engine, all media", cases: [everything], dtypes: [...all] },
  { title: "TypeScript engine, one sequence", cases: ["gemma4_unified/text"], dtypes: [...all] },
  { title: "PyTorch, eager attention", engine: torch("eager"), cases: [padded, chunked], dtypes: [...all] },
  {
    title: "PyTorch, scaled_dot_product_attention",
    engine: torch("sdpa"),
    cases: [padded, chunked],
    dtypes: [...all],
    lacks: ["*.self_attn#*"],
  },
  { title: "sums over K in three parts", engine: torch("split_k"), cases: [padded], dtypes: [...all] },
  {
    title: "sums over K one by one",
    engine: torch("sequential"),
    cases: [padded],
    dtypes: ["float32", "bfloat16"],
  },
  { title: "sums over K from its end", engine: torch("reversed_k"), cases: [padded], dtypes: ["float32"] },
  { title: "sums in float64, rounded once", engine: torch("float64_sums"), cases: [padded], dtypes: [...all] },
  { title: "transposed weights", engine: torch("transposed"), cases: [padded], dtypes: [...all] },
  { title: "one token at a time", engine: torch("row_by_row"), cases: [padded], dtypes: [...all] },
]);
