import { expect, test } from "vitest";
import { layoutMap, placeOf } from "./map-layout.ts";
import { modelSites } from "./test-sites.ts";

test("a site lies in its outermost layer", () => {
  expect(placeOf("model.layers.5.mlp.experts.3.down_proj:in")).toEqual({
    stack: "model.layers",
    layer: 5,
    kind: "mlp.experts.3.down_proj:in",
  });
  expect(placeOf("model.layers.5:out")).toEqual({ stack: "model.layers", layer: 5, kind: ":out" });
});

test("the number of a further output is not a layer", () => {
  expect(placeOf("model.rotary_emb:out.1@full_attention")).toBeNull();
});

test("every site has exactly one cell", () => {
  const sites = modelSites(9);
  const cells = layoutMap(sites).flatMap((block) => block.rows.flatMap((row) => row.cells.flat()));
  expect(cells.toSorted()).toEqual(sites.toSorted());
});

test("rows are inputs, layers, head; caches join their layers", () => {
  const blocks = layoutMap(modelSites(3));
  expect(blocks.map((block) => [block.title, ...block.rows.map((row) => row.label)])).toEqual([
    ["", "embedding", "vision", "audio"],
    ["model.language_model.layers", "0", "1", "2"],
    ["", "head"],
  ]);
  expect(blocks[1]?.columns?.at(-1)?.kind).toBe("cache.value");
});

test("a kind that only some layers have goes between its neighbours", () => {
  const [block] = layoutMap(["m.0.a:in", "m.0.c:in", "m.1.a:in", "m.1.b:in", "m.1.c:in"]);
  expect(block?.columns?.map((column) => column.kind)).toEqual(["a:in", "b:in", "c:in"]);
  expect(block?.rows[0]?.cells).toEqual([["m.0.a:in"], [], ["m.0.c:in"]]);
});

test("two stacks of layers are two blocks", () => {
  const blocks = layoutMap(["vision.layers.0:in", "vision.layers.1:in", "text.layers.0:in", "logits"]);
  expect(blocks.map((block) => block.title)).toEqual(["vision.layers", "text.layers", ""]);
});

test("many experts share a column", () => {
  const sites = Array.from({ length: 128 }, (_, expert) => `m.layers.0.mlp.experts.${expert}.down_proj:in`);
  const [block] = layoutMap(sites);
  expect(block?.columns?.map((column) => column.kind)).toEqual(["mlp.experts.*.down_proj:in"]);
  expect(block?.rows[0]?.cells[0]).toEqual(sites);
});
