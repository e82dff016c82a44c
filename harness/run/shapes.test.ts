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

/** True for what is answered at the second length. */
function isSecond({ sites }: Shapes): boolean {
  return sites[0]!.shape[1] === 27;
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

  it("of an engine that reports a stop fail, though it lists every site", async () => {
    for (const site of ["model.layers.1.self_attn.o_proj:out", "model.engine.kernel:out"]) {
      const stop = { site, message: "out of memory" };
      const { status, culprit } = await verdictOf(64, (shapes) => ({ ...shapes, stop }));
      expect([status, culprit?.site, culprit?.why]).toEqual([
        "fail",
        "model.layers.1.self_attn.o_proj:out",
        { kind: "stop", at: site, message: "out of memory" },
      ]);
    }
  });

  it("of an engine that stops at the second length alone fail", async () => {
    const stop = { site: "model.layers.1.self_attn.o_proj:in", message: "no" };
    const { status, culprit } = await verdictOf(64, (shapes) => (isSecond(shapes) ? { ...shapes, stop } : shapes));
    expect([status, culprit?.site, culprit?.why.kind]).toEqual(["fail", stop.site, "stop"]);
  });

  it("of an engine that offers a site at one length alone are unknown", async () => {
    const { status, coverage } = await verdictOf(64, (shapes) =>
      isSecond(shapes) ? { ...shapes, sites: shapes.sites.slice(1) } : shapes,
    );
    expect([status, coverage.unknown]).toEqual(["unknown", ["model.layers.0.self_attn.o_proj:in"]]);
  });

  it("that differ at the second length alone say at how many tokens", async () => {
    const { status, culprit } = await verdictOf(64, (shapes) => ({
      ...shapes,
      sites: shapes.sites.map((tap) => ({ ...tap, shape: [1, 19, tap.shape[2]!] })),
    }));
    expect([status, culprit?.why]).toEqual([
      "fail",
      { kind: "shape", expected: [1, 27, 32], found: [1, 19, 32], length: 27 },
    ]);
  });

  it("of another dtype fail", async () => {
    const { status, culprit } = await verdictOf(64, (shapes) => ({
      ...shapes,
      sites: shapes.sites.map((tap) => ({ ...tap, dtype: "F64" })),
    }));
    expect([status, culprit?.why]).toEqual(["fail", { kind: "dtype", expected: "BF16", found: "F64" }]);
  });

  it("that list a site twice are an error of the engine", async () => {
    const { status, error } = await verdictOf(64, (shapes) => ({
      ...shapes,
      sites: [...shapes.sites, ...shapes.sites],
    }));
    expect([status, error?.kind, error?.message]).toEqual([
      "error",
      "engine",
      "engine lists model.layers.0.self_attn.o_proj:in twice in its answer to shapes; expected it once",
    ]);
  });
});
