import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Inputs } from "./case.ts";
import { plainText } from "./input-tensors.ts";

type Json = Record<string, unknown>;
const textInputs: ShapeInputs = (_, length) => plainText(length);
type ShapeInputs = (config: Json, length: number) => Inputs;

/**
 * Returns the function that makes small inputs for a bare config: `shapeInputs(config, length)` of
 * `<cases>/<model_type>.inputs.ts` where there is one (it knows the model's modalities), else one that makes a sequence
 * of text.
 */
export async function shapeInputsFor(config: Json, casesFolder: string): Promise<ShapeInputs> {
  const file = ["ts", "js"]
    .map((extension) => join(casesFolder, `${String(config["model_type"])}.inputs.${extension}`))
    .find(existsSync);
  if (!file) return textInputs;
  const loaded = (await import(pathToFileURL(file).href)) as { shapeInputs?: ShapeInputs };
  return loaded.shapeInputs ?? textInputs;
}
