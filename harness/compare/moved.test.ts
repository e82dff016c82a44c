import { describe, expect, it } from "vitest";
import { int64Tensor } from "../trace/tensor.ts";
import { followRows } from "./moved.ts";
import { hidePadding } from "./padding.ts";

const scope = "model.layers.0.experts";
const router = `${scope}.router:out`;

/** What is known of `site` after a module has handed out `index` for 3 tokens. */
function movedBy(index: readonly number[], site = `${scope}.output_linear:in`, phase = "prefill") {
  const rows = followRows();
  const tensor = int64Tensor(index, [index.length]);
  rows.see({ site: router, phase: "prefill", tensor, tokens: 3 });
  return rows.of(site, phase, [index.length, 4])?.tokens ?? null;
}

describe("rows that a module has moved", () => {
  it("are known by the token of each", () => {
    expect(movedBy([2, 0, 1, 1, 0, 2])).toEqual([2, 0, 1, 1, 0, 2]);
  });

  it("are known by their places among tokens that stand twice", () => {
    expect(movedBy([5, 0, 2, 3, 1, 4])).toEqual([2, 0, 1, 1, 0, 2]);
  });

  it("are not read out of integers that are no such index", () => {
    expect(movedBy([0, 0, 0, 1, 2, 2])).toBeNull();
    expect(movedBy([2, 0, 1, 1])).toBeNull();
  });

  it("lie so inside the module and in its phase alone", () => {
    expect(movedBy([2, 0, 1], "model.layers.0.mlp:in")).toBeNull();
    expect(movedBy([2, 0, 1], `${scope}.output_linear:in`, "decode:1")).toBeNull();
  });

  it("are hidden where they are padding", () => {
    const values = new Float32Array(12).fill(1);
    const tokens = { batch: 1, start: 0, end: 3, mask: [0, 1, 1], length: 3 };
    const moved = { scope, tokens: [2, 0, 1, 1, 0, 2] };
    hidePadding(`${scope}.output_linear:in`, [6, 2], { ...tokens, moved }, values);
    expect([...values]).toEqual([1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1]);
  });
});
