/**
 * The trigger case: both engines that build every attention from one head_dim stop where vLLM did, and the verdict
 * names the field, not a concatenation.
 */
import { formulaText } from "../../harness/verdict/words/sizes.ts";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Verdict } from "../../harness/verdict/schema.ts";
import { loadCaseFile } from "../../harness/case/discover.ts";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { runShapesCase } from "../../harness/run/shapes.ts";
import { livePool } from "../support/live.ts";

const seedCase = fileURLToPath(new URL("../../cases/seed/gemma4_unified_12b.case.ts", import.meta.url));
const [healthy, planted] = await loadCaseFile(seedCase);
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

/** Expects the verdict of one head_dim for every layer, which is the same for every engine. */
function expectOneHeadDim(verdict: Verdict): void {
  const { culprit } = verdict;
  expect(verdict.status, renderVerdict(verdict)).toBe("fail");
  expect(culprit!.site).toBe(`${layers}.5.self_attn.o_proj:in`);
  const { expected, found, expected_sizes, found_sizes, causes } = culprit!.shapes!;
  expect([expected, found]).toEqual([
    [1, "s", 8192],
    [1, "s", 4096],
  ]);
  expect(formulaText(expected_sizes[0]!)).toBe("num_attention_heads 16 x global_head_dim 512");
  expect(formulaText(found_sizes[0]!)).toBe("num_attention_heads 16 x head_dim 256");
  expect(culprit!.also.map(({ site }) => site)).toEqual(
    fullLayers.slice(1).map((layer) => `${layers}.${layer}.self_attn.o_proj:in`),
  );
  const [cause, concatenation, ...others] = causes;
  expect(others).toEqual([]);
  expect(cause).toMatchObject({
    kind: "replaced field",
    holds: true,
    expected: { field: "global_head_dim", value: 512 },
    found: { field: "head_dim", value: 256 },
    layers: fullLayers,
    layer_kind: "full_attention",
    layer_count: 48,
    first_seen: { site: `${layers}.5.self_attn#context`, expected: [1, 19, 16, 512], found: [1, 19, 16, 256] },
  });
  expect(concatenation).toEqual({
    kind: "concatenation",
    holds: false,
    copies: 2,
    size: 4096,
    sites: [],
    fields: [],
  });
}

describe.skipIf(livePool === null)("gemma4_unified at 12B with one head_dim for every layer", () => {
  it("in the TypeScript engine: the field that its attention never reads", async () => {
    const verdict = await runShapesCase(livePool!, planted!);
    expectOneHeadDim(verdict);
    expect(verdict.met).toBe(true);
    expect(verdict.culprit!.shapes!.causes[0]).toMatchObject({
      never_read: ["text_config.per_layer_config[5].head_dim"],
      reference_scope: `${layers}.5.self_attn`,
      engine_scope: `${layers}.5.self_attn#attention`,
    });
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
