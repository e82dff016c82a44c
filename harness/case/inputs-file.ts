import { createHash } from "node:crypto";
import { join } from "node:path";
import type { TokenMask } from "../compare/padding.ts";
import type { PhaseSpec } from "../engine/protocol.ts";
import { cacheFolder, keepInCache } from "../setup/cache.ts";
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
  if (ids?.shape.length !== 2)
    throw new UsageError(`inputs: expected input_ids [B, S], found ${ids ? `[${ids.shape}]` : "none"}`);
  const [batch, length] = ids.shape as [number, number];
  const mask = inputs.get("attention_mask");
  if (mask && mask.shape.join() !== ids.shape.join())
    throw new UsageError(`inputs: expected attention_mask [${ids.shape}] like input_ids, found [${mask.shape}]`);
  const sha256 = hashInputs(inputs);
  const path = join(cacheFolder("inputs"), `${sha256.slice(0, 24)}.safetensors`);
  keepInCache(path, {
    isWhole: () => hashInputs(readSafetensors(path)) === sha256,
    write: () => writeSafetensors(path, inputs),
  });
  const real = mask ? toNumbers(mask) : new Float32Array(batch * length).fill(1);
  return {
    path,
    sha256,
    media: hasMedia(inputs.keys()),
    padded: real.some((value) => value === 0),
    tokensOf: ({ start, end }) => ({ batch, start, end, mask: real, length }),
  };
}

function hashInputs(inputs: Inputs): string {
  const hash = createHash("sha256");
  for (const [name, { dtype, shape, bytes }] of [...inputs].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0${dtype}\0${shape}\0`).update(bytes);
  return hash.digest("hex");
}
