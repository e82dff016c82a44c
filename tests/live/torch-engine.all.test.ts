/**
 * PyTorch engines: the method depends on no engine. Healthy ones are green in every dtype, each planted bug is located
 * where it is.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { loadCases, selectCases, standardFolders } from "../../harness/case/discover.ts";
import { runCase } from "../../harness/run/live.ts";
import { livePool } from "../support/live.ts";

const file = fileURLToPath(new URL("../support/torch_engine.py", import.meta.url));
const [testCase] = selectCases(await loadCases(standardFolders.cases), ["gemma4_unified/left_padded"]);
const layers = "model.language_model.layers";

const planted = [
  ["norm_eps", `${layers}.3.input_layernorm:out`],
  ["gelu_erf", `${layers}.4.mlp.act_fn:out`],
  ["scale", `${layers}.2.self_attn#scores`],
  ["one_plus_weight", `${layers}.1.self_attn.q_norm:out`],
  ["window", `${layers}.0.self_attn#mask`],
  ["theta", "model.language_model.rotary_emb:out@full_attention"],
  ["softcap", "logits"],
] as const;

async function verdictOf(name: string, dtype: "float32" | "bfloat16" | "float16") {
  const engine = `torch:${file}:${name}`; // each factory is a process of its own
  try {
    return await runCase(livePool!, testCase!, { engine, dtype });
  } finally {
    await livePool!.stop(engine);
  }
}

describe.skipIf(livePool === null)("a PyTorch engine", () => {
  it.each(["float32", "bfloat16", "float16"] as const)("that is healthy is green in %s", async (dtype) => {
    const verdict = await verdictOf("healthy", dtype);
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    expect(verdict.coverage.compared).toBe(verdict.coverage.total);
  });

  it.each(planted)("with %s is located at %s", async (name, site) => {
    const verdict = await verdictOf(name, "float32");
    expect(verdict.culprit?.site, renderVerdict(verdict)).toBe(site);
    // One window makes masks and caches: two places. Every other bug is one.
    expect(verdict.culprits).toHaveLength(name === "window" ? 2 : 1);
  });
});
