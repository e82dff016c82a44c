/** The trigger case: both engines that build every attention from one head_dim stop where vLLM did, and the verdict names the field, not a concatenation. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Verdict } from "../../harness/verdict/schema.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { runShapesCase } from "../../harness/run/shapes.ts";
import { livePool } from "../support/live.ts";
import { cases } from "../../cases/seed/gemma4_unified_12b.case.ts";

const [healthy, planted] = cases;
const layers = "model.language_model.layers";
const fullLayers = [5, 11, 17, 23, 29, 35, 41, 47];
const file = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

async function inPyTorch(name: string): Promise<Verdict> {
  const engine = `torch:${file(name.split(":")[0]!)}:${name.split(":")[1]!}`;
  try {
    return await runShapesCase(livePool!, healthy!, { engine });
  } finally {
    await livePool!.stop(engine);
  }
}

/** What must be said of one head_dim for every layer, whatever the engine. */
function expectOneHeadDim(verdict: Verdict): void {
  const { culprit } = verdict;
  expect(verdict.status, renderVerdict(verdict)).toBe("fail");
  expect(culprit!.site).toBe(`${layers}.5.self_attn.o_proj:in`);
  expect([culprit!.expected, culprit!.found]).toEqual([
    [1, "s", 8192],
    [1, "s", 4096],
  ]);
  expect(culprit!.expected_sizes[0]!.formula).toBe("num_attention_heads 16 x global_head_dim 512");
  expect(culprit!.found_sizes[0]!.formula).toBe("num_attention_heads 16 x head_dim 256");
  expect(culprit!.also).toEqual(fullLayers.slice(1).map((layer) => `${layers}.${layer}.self_attn.o_proj:in`));
  const [cause, concatenation, ...others] = culprit!.readings;
  expect(others).toEqual([]);
  expect(cause).toMatchObject({ claim: "global_head_dim 512 expected, the engine used head_dim 256", holds: true });
  expect(cause!.evidence).toContain(`layers ${fullLayers.join(", ")} are full_attention`);
  expect(cause!.evidence).toContain("the engine used head_dim 256 for all 48 layers");
  expect(cause!.evidence).toContain(
    `first seen at ${layers}.5.self_attn#context: [1,19,16,256], expected [1,19,16,512]`,
  );
  expect(concatenation).toEqual({
    claim: "2 streams of 4096 should have been concatenated",
    holds: false,
    evidence: "no site of the reference's layer and no config field has the size 4096: there is nothing to concatenate",
  });
}

describe.skipIf(livePool === null)("gemma4_unified at 12B with one head_dim for every layer", () => {
  it("in the TypeScript engine: the field that its attention never reads", async () => {
    const verdict = await runShapesCase(livePool!, planted!);
    expectOneHeadDim(verdict);
    expect(verdict.met).toBe(true);
    expect(verdict.culprit!.readings[0]!.evidence).toContain(
      `the reference reads text_config.per_layer_config[5].head_dim in ${layers}.5.self_attn, the engine's ${layers}.5.self_attn#attention never does`,
    );
  });

  it("in a PyTorch engine: where its forward raises", async () => {
    expectOneHeadDim(await inPyTorch("one_head_dim.py:one_head_dim"));
  });

  it("is not seen in a healthy PyTorch engine", async () => {
    const verdict = await inPyTorch("torch_engine.py:healthy");
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    expect(verdict.coverage.compared).toBe(verdict.coverage.total);
  });
});
