import { createHash } from "node:crypto";
import { join } from "node:path";
import type { TokenMask } from "../compare/padding.ts";
import type { PhaseSpec } from "../engine/specs.ts";
import { cacheFolder, keepInCache } from "../setup/cache.ts";
import { isFloating } from "../trace/dtypes.ts";
import { UsageError } from "../trace/errors.ts";
import { readSafetensors, writeSafetensors } from "../trace/safetensors.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Inputs } from "./case.ts";
import { hasMedia } from "./input-tensors.ts";

/** Inputs on disk, where both engines read them, and what the harness needs to know of them. */
export interface InputsFile {
  readonly path: string;
  readonly sha256: string;
  /** Tells which tokens of a phase are real; undefined when nothing is padded. */
  tokensOf(phase: PhaseSpec): TokenMask;
  readonly padded: boolean;
  /** True when there are tensors of images, video or audio. */
  readonly media: boolean;
}

/**
 * Writes inputs once into the cache, named by their content, which is checked whenever they are used.
 * @throws UsageError when `input_ids` is missing or `attention_mask` does not fit it.
 */
export function writeInputs(inputs: Inputs): InputsFile {
  const ids = inputs.get("input_ids");
  if (!ids) return writeMedia(inputs);
  if (ids.shape.length !== 2) throw new UsageError(`inputs: expected input_ids [B, S], found [${ids.shape}]`);
  const [batch, length] = ids.shape as [number, number];
  const mask = inputs.get("attention_mask");
  if (mask && mask.shape.join() !== ids.shape.join())
    throw new UsageError(`inputs: expected attention_mask [${ids.shape}] like input_ids, found [${mask.shape}]`);
  const real = mask ? toNumbers(mask) : new Float32Array(batch * length).fill(1);
  return {
    ...writeOnce(inputs),
    padded: real.some((value) => value === 0),
    tokensOf: ({ start, end }) => ({ batch, start, end, mask: real, length }),
  };
}

/** Inputs of a model that reads no tokens: nothing in them is padding, and each row stands for one place. */
function writeMedia(inputs: Inputs): InputsFile {
  const batch = [...inputs.values()].find(({ dtype, shape }) => isFloating(dtype) && shape.length > 0)?.shape[0];
  if (batch === undefined) throw new UsageError("inputs: expected input_ids [B, S], or images or sounds, found none");
  const tokensOf: InputsFile["tokensOf"] = ({ start, end }) => ({
    ...{ batch, start, end },
    ...{ mask: new Float32Array(batch).fill(1), length: 1 },
  });
  return { ...writeOnce(inputs), padded: false, tokensOf };
}

function writeOnce(inputs: Inputs): Pick<InputsFile, "path" | "sha256" | "media"> {
  const sha256 = hashInputs(inputs);
  const path = join(cacheFolder("inputs"), `${sha256.slice(0, 24)}.safetensors`);
  keepInCache(path, {
    isWhole: () => hashInputs(readSafetensors(path)) === sha256,
    write: () => writeSafetensors(path, inputs),
  });
  return { path, sha256, media: hasMedia(inputs.keys()) };
}

function hashInputs(inputs: Inputs): string {
  const hash = createHash("sha256");
  for (const [name, { dtype, shape, bytes }] of [...inputs].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0${dtype}\0${shape}\0`).update(bytes);
  return hash.digest("hex");
}
