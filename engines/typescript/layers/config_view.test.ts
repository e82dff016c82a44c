import { expect, test } from "vitest";
import { ConfigReads, fieldName, layerConfig, rescopeView, viewConfig } from "./config_view.ts";

const config = {
  text_config: {
    hidden_size: 40,
    head_dim: 14,
    layer_types: ["sliding", "full", "full"],
    rope: { full: { rope_theta: 5 } },
    per_layer_config: { 1: { head_dim: 20 }, 2: { head_dim: 20 } },
  },
  vision_config: null as object | null,
};

function open() {
  const reads = new ConfigReads();
  return { reads, view: viewConfig(config, { scope: "a", reads }) };
}
const fields = (reads: ConfigReads) => reads.list().map(({ scope, field }) => `${scope}: ${field}`);

test("leaves are recorded once, with their full path; the way to them is not", () => {
  const { reads, view } = open();
  expect(view.text_config.rope.full.rope_theta).toBe(5);
  expect(view.text_config.hidden_size + view.text_config.hidden_size).toBe(80);
  expect(view.vision_config).toBeNull();
  expect(fields(reads)).toEqual([
    "a: text_config.rope.full.rope_theta",
    "a: text_config.hidden_size",
    "a: vision_config",
  ]);
});

test("a layer's own value is recorded as its override, another one as the model's", () => {
  const { reads, view } = open();
  expect(layerConfig(view.text_config, 1).head_dim).toBe(20);
  expect(layerConfig(view.text_config, 0).head_dim).toBe(14);
  expect(layerConfig(view.text_config, "full").hidden_size).toBe(40);
  expect(fieldName(layerConfig(view.text_config, "full"), "head_dim")).toBe("text_config.per_layer_config[1].head_dim");
  expect(fields(reads)).toEqual([
    "a: text_config.per_layer_config[1].head_dim",
    "a: text_config.head_dim",
    "a: text_config.hidden_size",
  ]);
});

test("another scope reads the same place of its own config", () => {
  const { reads, view } = open();
  const other = structuredClone(config);
  other.text_config.per_layer_config[1].head_dim = 99;
  const layer = rescopeView(layerConfig(view.text_config, 1), other, { scope: "b", reads });
  expect(layer.head_dim).toBe(99);
  expect(fields(reads)).toEqual(["b: text_config.per_layer_config[1].head_dim"]);
});

test("layers of one type that differ have no common config", () => {
  const uneven = structuredClone(config);
  uneven.text_config.per_layer_config[2].head_dim = 7;
  const view = viewConfig(uneven, { scope: "a", reads: new ConfigReads() });
  expect(() => layerConfig(view.text_config, "full")).toThrow("layers of type full have different configs");
});
