import { describe, expect, it } from "vitest";
import { layerOf, parseSite, tapKey, withoutLayer, siteFilter } from "./site.ts";

describe("siteFilter", () => {
  it("takes * for any characters and nothing else for special", () => {
    const wanted = siteFilter(["*.mlp:out", "logits", "a.b*"]);
    const sites = ["model.layers.0.mlp:out", "model.layers.0.mlp:in", "logits", "logits.1", "a.bc", "axbc"];
    expect(sites.filter(wanted)).toEqual(["model.layers.0.mlp:out", "logits", "a.bc"]);
  });

  it("takes everything without patterns, and nothing with none", () => {
    expect(siteFilter(undefined)("logits")).toBe(true);
    expect(siteFilter([])("logits")).toBe(false);
  });
});

describe("parseSite", () => {
  it.each([
    ["model.layers.5.self_attn.o_proj:in", { module: "model.layers.5.self_attn.o_proj", port: "in" }],
    ["model.layers.5:out.1", { module: "model.layers.5", port: "out.1" }],
    ["model.layers.5.self_attn#q_rope", { module: "model.layers.5.self_attn", functional: "q_rope" }],
    ["model.norm:out@1", { module: "model.norm", port: "out", call: "1" }],
    ["model.rotary_emb:out.1@full_attention", { module: "model.rotary_emb", port: "out.1", call: "full_attention" }],
    ["inputs#position_ids", { module: "inputs", functional: "position_ids" }],
    ["cache.5.key", { module: "cache.5.key" }],
    ["logits", { module: "logits" }],
  ])("%s", (site, parts) => {
    expect(parseSite(site)).toEqual({ port: null, functional: null, call: "", ...parts });
  });
});

describe("layerOf", () => {
  it.each([
    ["model.layers.5.mlp", 5],
    ["model.layers.12", 12],
    ["cache.3.key", 3],
    ["model.vision.blocks.7.experts.2", 7],
    ["model.norm", null],
    ["model.conv2d.weight", null],
  ])("%s is in layer %s", (path, layer) => {
    expect(layerOf(path)).toBe(layer);
  });

  it("does not take the number of a further output for a layer", () => {
    expect(layerOf(parseSite("model.rotary_emb:out.1").module)).toBeNull();
  });
});

describe("withoutLayer", () => {
  it.each([
    ["model.layers.5.mlp:out", "model.layers.*.mlp:out"],
    ["model.layers.5:out", "model.layers.*:out"],
    ["model.layers.5#attn_residual", "model.layers.*#attn_residual"],
    ["model.layers.5.experts.12.up", "model.layers.*.experts.*.up"],
    ["layers.0.1.2", "layers.*.*.*"],
    ["model.conv2d:in", "model.conv2d:in"],
  ])("%s", (path, expected) => {
    expect(withoutLayer(path)).toBe(expected);
  });

  it("keeps the number of a further output, which is not a layer", () => {
    expect(withoutLayer("model.rotary_emb:out.1")).not.toBe(withoutLayer("model.rotary_emb:out.2"));
  });

  it("is the same for two layers whose module is called again", () => {
    expect(withoutLayer("model.layers.1:out@1")).toBe(withoutLayer("model.layers.22:out@1"));
  });
});

describe("tapKey", () => {
  it("tells phases and sites apart", () => {
    const keys = [tapKey("prefill", "a:in"), tapKey("prefill", "a:out"), tapKey("decode:1", "a:in")];
    expect(new Set(keys).size).toBe(3);
  });
});
