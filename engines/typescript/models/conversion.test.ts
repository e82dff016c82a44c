import { expect, test } from "vitest";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { mergeExperts } from "./conversion.ts";

const merge = mergeExperts({ gate: "w1", up: "w3", down: "w2" });

const filled = (shape: number[], value: number): Tensor =>
  floatTensor(shape, new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value));

/** Two experts of 3 -> 2 -> 3 channels, filled with 10 times the expert's number plus the projection's. */
const checkpoint = (): Map<string, Tensor> =>
  new Map([
    ["norm.weight", filled([3], 9)],
    ...[1, 0].flatMap((expert): [string, Tensor][] => [
      [`mlp.experts.${expert}.w2.weight`, filled([3, 2], 10 * expert + 2)],
      [`mlp.experts.${expert}.w1.weight`, filled([2, 3], 10 * expert + 1)],
      [`mlp.experts.${expert}.w3.weight`, filled([2, 3], 10 * expert + 3)],
    ]),
  ]);

test("experts become two tensors, in the order of their numbers, the gate before the up projection", () => {
  const merged = merge(checkpoint());
  expect([...merged.keys()].toSorted()).toEqual(["mlp.experts.down_proj", "mlp.experts.gate_up_proj", "norm.weight"]);
  const { shape, data } = merged.get("mlp.experts.gate_up_proj")!;
  expect(shape).toEqual([2, 4, 3]);
  expect([...data!]).toEqual([1, 3, 11, 13].flatMap((value) => Array<number>(6).fill(value)));
  expect(merged.get("mlp.experts.down_proj")!.shape).toEqual([2, 3, 2]);
});

test("tensors that are fused already stay", () => {
  const fused = new Map([["mlp.experts.down_proj", filled([2, 3, 2], 1)]]);
  expect([...merge(fused)]).toEqual([...fused]);
});

test.each([
  ["lacks a projection", (tensors: Map<string, Tensor>) => tensors.delete("mlp.experts.0.w3.weight")],
  ["has another shape", (tensors: Map<string, Tensor>) => tensors.set("mlp.experts.1.w2.weight", filled([3, 4], 0))],
  ["is missing", (tensors: Map<string, Tensor>) => tensors.set("mlp.experts.3.w1.weight", filled([2, 3], 0))],
])("where one expert %s, all stay as they are", (_, change) => {
  const tensors = checkpoint();
  change(tensors);
  expect([...merge(tensors).keys()]).toEqual([...tensors.keys()]);
});
