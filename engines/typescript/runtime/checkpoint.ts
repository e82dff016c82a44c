import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../../../harness/engine/implementation.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import type { TensorEntry } from "../../../harness/trace/safetensors.ts";
import { openCheckpoint, readTensor } from "../../../harness/trace/safetensors.ts";
import { isFloating } from "../../../harness/trace/dtypes.ts";
import { toNumbers } from "../../../harness/trace/tensor.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { WeightStore } from "./weight_store.ts";

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
  /** The memory that they live in; null for small ones, which are ordinary arrays. */
  readonly store: WeightStore | null;
}

/** Bytes of a checkpoint from which its weights live in the kernels' memory. */
export const STORE_FROM = 16 * 2 ** 20;

/**
 * Reads all tensors of a checkpoint (F32, BF16, F16, F64), one file or shards, their numbers as they are stored, those
 * of float64 rounded to float32. `dtype` is what the model will compute in: tensors that stay as they are go to a store
 * at once.
 * @throws SafetensorsError, or EngineError `unsupported` for a tensor that is not floating.
 */
export function readWeights(
  directory: string,
  rename: (name: string) => string,
  { dtype, storeFrom = STORE_FROM }: { dtype: FloatDtype; storeFrom?: number },
): Weights {
  const { entries } = openCheckpoint(directory);
  const byCodePoints = [...entries.values()].toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  const bytes = byCodePoints.reduce((sum, { start, end }) => sum + end - start, 0);
  const store = bytes < storeFrom ? null : new WeightStore(dtype);
  const tensors = new Map<string, Tensor>();
  const hash = createHash("sha256");
  for (const entry of byCodePoints) {
    if (!isFloating(entry.dtype)) throw notFloating(entry);
    hash.update(`${entry.name}\0${entry.dtype}\0${entry.shape.join(",")}\0`);
    const see = (stored: Uint8Array): void => void hash.update(stored);
    tensors.set(rename(entry.name), store?.read(entry, see) ?? readSmall(entry, see));
  }
  return { tensors, sha256: hash.digest("hex"), store };
}

function readSmall(entry: TensorEntry, see: (bytes: Uint8Array) => void): Tensor {
  const raw = readTensor(entry);
  see(raw.bytes);
  const numbers = toNumbers(raw);
  return floatTensor(raw.shape, numbers instanceof Float32Array ? numbers : Float32Array.from(numbers));
}

function notFloating({ name, dtype, file }: TensorEntry): EngineError {
  return new EngineError(errorCodes.unsupported, `tensor ${name} has dtype ${dtype}`, {
    expected: "F32, BF16, F16 or F64",
    found: dtype,
    where: `${file}, ${name}`,
    remedy: "quantised weights are not implemented: save the model in a floating dtype",
  });
}
