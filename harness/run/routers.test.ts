import { describe, expect, it } from "vitest";
import type { RawTensor } from "../trace/tensor.ts";
import { float32Tensor, int64Tensor } from "../trace/tensor.ts";
import type { Group } from "./pairing.ts";
import { collectRouters } from "./routers.ts";

const floats = (...shape: number[]) => float32Tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape);
const integers = (...shape: number[]) => int64Tensor(new Array<number>(shape.reduce((a, b) => a * b)).fill(0), shape);
const group = (site: string, reference: RawTensor, phase = "prefill"): Group => ({
  ...{ site, phase, order: 0, sides: { reference } },
});

/** Takes all groups; for each, what became ready: "site" or "site by choice". */
function feed(...groups: readonly Group[]): string[][] {
  const routers = collectRouters();
  const names = (all: ReturnType<typeof routers.take>) =>
    all.map(({ group: ready, routing }) => ready.site + (routing ? ` by ${routing.choice.site}` : ""));
  return [...groups.map((one) => names(routers.take(one))), names(routers.rest())];
}

describe("a router's outputs", () => {
  const logits = group("gate:out", floats(6, 4));

  it("are judged together: weights wait for the choice", () => {
    expect(feed(logits, group("gate:out.1", floats(6, 2)), group("gate:out.2", integers(6, 2)))).toEqual([
      ["gate:out"],
      [],
      ["gate:out.1 by gate:out.2", "gate:out.2 by gate:out.2"],
      [],
    ]);
  });

  it("of an engine that runs alone are told by its own tensors", () => {
    const alone = (one: Group): Group => ({ ...one, sides: { engine: one.sides.reference! } });
    const outputs = [logits, group("gate:out.1", floats(6, 2)), group("gate:out.2", integers(6, 2))].map(alone);
    expect(feed(...outputs).at(2)).toEqual(["gate:out.1 by gate:out.2", "gate:out.2 by gate:out.2"]);
  });

  it("may come with the choice first", () => {
    const ready = feed(logits, group("gate:out.1", integers(6, 2)), group("gate:out.2", floats(6, 2)));
    expect(ready.slice(1, 3)).toEqual([["gate:out.1 by gate:out.1"], ["gate:out.2 by gate:out.1"]]);
  });

  it("of another call or phase are others", () => {
    const ready = feed(logits, group("gate:out.2@1", integers(6, 2)), group("gate:out.2", integers(6, 2), "decode:1"));
    expect(ready.slice(1, 3)).toEqual([["gate:out.2@1"], ["gate:out.2"]]);
  });

  it("are not lost when no choice comes", () => {
    const weights = group("gate:out.1", floats(6, 2));
    expect(feed(logits, weights).at(-1)).toEqual(["gate:out.1"]);
    const later = [1, 2, 3, 4].map((layer) => group(`layers.${layer}:out`, floats(6, 4)));
    expect(feed(logits, weights, ...later).flat()).toContain("gate:out.1");
  });
});

it.each([
  ["two tables of one shape", group("rotary:out", floats(2, 3, 4)), group("rotary:out.1", floats(2, 3, 4))],
  ["an input", group("mlp:out", floats(6, 4)), group("mlp:in", floats(6, 2))],
  ["rows of another number", group("mlp:out", floats(6, 4)), group("mlp:out.1", floats(5, 2))],
])("%s are no router's and go through", (_, first, second) => {
  expect(feed(first, second)).toEqual([[first.site], [second.site], []]);
});
