import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { int64Tensor } from "../trace/tensor.ts";
import type { Inputs } from "./case.ts";

type Json = Record<string, unknown>;
type ShapeInputs = (config: Json, length: number) => Inputs;

/**
 * How to make small inputs for a bare config: `shapeInputs(config, length)` of `<cases>/<model_type>.inputs.ts` where there is one (it knows
 * the model's modalities), else one sequence of text.
 */
export async function shapeInputsFor(config: Json, casesFolder: string): Promise<ShapeInputs> {
  const file = ["ts", "js"]
    .map((extension) => join(casesFolder, `${String(config["model_type"])}.inputs.${extension}`))
    .find(existsSync);
  if (!file) return textInputs;
  const loaded = (await import(pathToFileURL(file).href)) as { shapeInputs?: ShapeInputs };
  return loaded.shapeInputs ?? textInputs;
}

function textInputs(_: Json, length: number): Inputs {
  const row = (value: number) => int64Tensor(new Array<number>(length).fill(value), [1, length]);
  return new Map([
    ["input_ids", row(5)],
    ["attention_mask", row(1)],
  ]);
}
