import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../../../harness/engine/implementation.ts";
import { errorCodes } from "../../../harness/engine/protocol.ts";
import { openCheckpoint, readTensor } from "../../../harness/trace/safetensors.ts";
import { isFloating } from "../../../harness/trace/dtype.ts";
import { toNumbers } from "../../../harness/trace/tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";

/**
 * The object in `<directory>/config.json`.
 * @throws EngineError `badInput` when there is no such file or it is not a JSON object.
 */
export function readConfigFile(directory: string): Record<string, unknown> {
  const file = join(directory, "config.json");
  const bad = (found: string, remedy: string) =>
    new EngineError(errorCodes.badInput, `${file} is not a config: ${found}`, {
      expected: "a JSON object",
      found,
      where: file,
      remedy,
    });
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw bad((error as Error).message, "give the directory of a checkpoint: config.json beside model.safetensors");
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad((error as Error).message, "mend the file; Python writes NaN and Infinity, which are not JSON");
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw bad(Array.isArray(json) ? "an array" : String(json), "fetch the checkpoint again");
}

/** A checkpoint's tensors as float32 by state-dict name, and the checksum of docs/protocol.md over what is stored. */
export interface Weights {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly sha256: string;
}

/**
 * Reads all tensors of a checkpoint (F32, BF16, F16, F64; widened or rounded to float32), one file or shards.
 * @throws SafetensorsError, or EngineError `unsupported` for a tensor that is not floating.
 */
export function readWeights(directory: string, rename: (name: string) => string): Weights {
  const { entries } = openCheckpoint(directory);
  const tensors = new Map<string, Tensor>();
  const hash = createHash("sha256");
  const byCodePoints = [...entries.values()].toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  for (const entry of byCodePoints) {
    const raw = readTensor(entry);
    if (!isFloating(raw.dtype))
      throw new EngineError(errorCodes.unsupported, `tensor ${entry.name} has dtype ${raw.dtype}`, {
        expected: "F32, BF16, F16 or F64",
        found: raw.dtype,
        where: `${entry.file}, ${entry.name}`,
        remedy: "quantised weights are not implemented: save the model in a floating dtype",
      });
    hash.update(`${entry.name}\0${raw.dtype}\0${raw.shape.join(",")}\0`).update(raw.bytes);
    const numbers = toNumbers(raw);
    tensors.set(
      rename(entry.name),
      floatTensor(raw.shape, numbers instanceof Float32Array ? numbers : Float32Array.from(numbers)),
    );
  }
  return { tensors, sha256: hash.digest("hex") };
}
