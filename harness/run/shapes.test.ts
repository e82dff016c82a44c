import { describe, expect, it } from "vitest";
import { defineCase } from "../case/case.ts";
import { plainText } from "../case/input-tensors.ts";
import type { Result } from "../engine/protocol.ts";
import { scriptedPool } from "../engine/test-scripted.ts";
import { runShapesCase } from "./shapes.ts";

type Shapes = Result<"shapes">;

const config = { hidden_size: 24, num_attention_heads: 2, head_dim: 16, global_head_dim: 32, num_hidden_layers: 2 };
const one = defineCase({
  name: "scripted/shapes",
  title: "two layers",
  kind: "shapes",
  config,
  inputs: (length) => plainText(length),
});

/** The shapes of two layers; layer 1 has wide heads. Each length is asked for once, in turn. */
function shapesOf(length: number, wide: number): Shapes {
  const site = (name: string, width: number) => ({ site: name, shape: [1, length, width], dtype: "BF16" });
  return {
    sites: [
      site("model.layers.0.self_attn.o_proj:in", 32),
      site("model.layers.0.self_attn.o_proj:out", 24),
      site("model.layers.1.self_attn.o_proj:in", wide),
      site("model.layers.1.self_attn.o_proj:out", 24),
    ],
    modules: [],
    tensors: [],
    config_reads: [
      { scope: "model.layers.1.self_attn", field: "num_attention_heads" },
      { scope: "model.layers.1.self_attn", field: wide === 64 ? "global_head_dim" : "head_dim" },
    ],
  };
}

function verdictOf(wide: number, change: (shapes: Shapes) => Shapes = (shapes) => shapes) {
  const asked = { reference: 0, engine: 0 };
  const shapes = (side: "reference" | "engine"): Shapes => {
    const length = asked[side]++ === 0 ? 19 : 27;
    return side === "reference" ? shapesOf(length, 64) : change(shapesOf(length, wide));
  };
  return runShapesCase(scriptedPool({ width: 1, steps: [], answers: { shapes } }), one);
}

describe("shapes against the live reference", () => {
  it("that agree at both lengths pass", async () => {
    expect(await verdictOf(64)).toMatchObject({ status: "pass", coverage: { compared: 4, total: 4 } });
  });

  it("that differ name the place, the sizes as products of fields, and the field that was taken for another", async () => {
    const { status, culprit } = await verdictOf(32);
    expect([status, culprit?.site, culprit?.why]).toEqual([
      "fail",
      "model.layers.1.self_attn.o_proj:in",
      { kind: "shape", expected: [1, 19, 64], found: [1, 19, 32] },
    ]);
    expect(culprit!.shapes).toMatchObject({ expected: [1, "s", 64], found: [1, "s", 32] });
    expect(culprit!.shapes!.causes[0]).toMatchObject({
      kind: "replaced field",
      expected: { field: "global_head_dim", value: 32 },
      found: { field: "head_dim", value: 16 },
      layers: [1],
    });
  });

  it("of an engine that stops are unknown from there on, and say where it stopped", async () => {
    const stop = { site: "model.layers.1.self_attn.o_proj:in", message: "no", found: [1, 19, 32] };
    const { status, sites } = await verdictOf(32, (shapes) => ({ ...shapes, sites: shapes.sites.slice(0, 2), stop }));
    expect([status, sites.map((site) => site.status)]).toEqual(["fail", ["pass", "pass", "fail", "unknown"]]);
    expect(sites[3]!.run).toMatchObject({ why: { kind: "stopped", at: stop.site } });
  });

  it("of an engine with a site more or less never pass", async () => {
    const less = await verdictOf(64, (shapes) => ({ ...shapes, sites: shapes.sites.slice(1) }));
    expect([less.status, less.coverage.unknown]).toEqual(["unknown", ["model.layers.0.self_attn.o_proj:in"]]);
    const extra = { site: "model.extra:out", shape: [1], dtype: "F32" };
    const more = await verdictOf(64, (shapes) => ({ ...shapes, sites: [...shapes.sites, extra] }));
    expect([more.status, more.coverage.unexpected]).toEqual(["fail", ["model.extra:out"]]);
  });
});
