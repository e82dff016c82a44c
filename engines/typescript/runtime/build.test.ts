/** Tests that a built model lets go of what its building held. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Gemma4UnifiedTextModel } from "../models/gemma4_unified/text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { tiny } from "../testing/tiny.ts";
import { buildModel } from "./build.ts";

/** All weights of the tiny model, as a checkpoint has them: zeros. */
function weights(): Map<string, Tensor> {
  const { tensorSpecs } = buildModel({ config: tiny, fault: null, weights: null });
  const stored = tensorSpecs.filter(({ tied_to }) => tied_to === undefined);
  return new Map(
    stored.map(({ name, shape }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return [name, floatTensor(shape, new Float32Array(length))] as const;
    }),
  );
}

test("the scopes that modules keep refuse to be used", () => {
  const { modules } = buildModel({ config: tiny, fault: null, weights: weights() });
  const model = modules.get("model.language_model") as Gemma4UnifiedTextModel;
  expect(() => model.at.linear("late", "hidden_size", "hidden_size")).toThrowErrorMatchingInlineSnapshot(
    `[Error: the model is built, and the scope of model.language_model.late is closed: ask for weights and children in constructors and fields]`,
  );
  expect(model.config.hidden_size).toBe(40); // a config outlives the building
});

test("nothing that a model keeps holds the checkpoint", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { model, checkpoint } = (() => {
    const given = weights();
    return {
      model: buildModel({ config: tiny, fault: null, weights: given, dtype: "BF16" }),
      checkpoint: new WeakRef(given),
    };
  })();
  await new Promise((resolve) => setTimeout(resolve)); // a WeakRef is strong until its task ends
  collect();
  expect(checkpoint.deref()).toBeUndefined();
  expect(model.modules.size).toBeGreaterThan(100);
});
