import { basename, join, resolve } from "node:path";
import { UsageError } from "../trace/errors.ts";
import { int64Tensor } from "../trace/tensor.ts";
import { readUserObject } from "../trace/user-file.ts";
import type { Case } from "./case.ts";
import { defineCase, planPhases } from "./case.ts";

/** Decode steps where nothing else is asked for. */
export const defaultDecodeSteps = 4;

/**
 * Matches the class names of transformers' models that continue a sequence; others (`BertModel`, `AlbertForMaskedLM`)
 * read it once.
 */
const generates = /(ForCausalLM|LMHeadModel|ForConditionalGeneration)$/;

/**
 * A case for a checkpoint with real weights: a prefill of all but the last tokens, forced decode steps, and one full
 * forward to check them against; the full forward alone for a model that does not generate.
 * @throws UsageError when the directory has no config.json, or there are too few tokens.
 */
export function checkpointCase(
  directory: string,
  ids: readonly number[] | undefined,
  decodeSteps = defaultDecodeSteps,
): Case {
  const file = join(directory, "config.json");
  const config = readUserObject(file, "the config.json of a checkpoint directory");
  if (!ids || ids.length <= decodeSteps)
    throw new UsageError(
      `--checkpoint needs --ids or a --text of more than ${decodeSteps} tokens, found ${ids?.length ?? 0}; give more, or fewer steps with --decode`,
    );
  const [architecture] = Array.isArray(config["architectures"]) ? (config["architectures"] as unknown[]) : [];
  const shape = [1, ids.length];
  const inputs = new Map([
    ["input_ids", int64Tensor(ids, shape)],
    [
      "attention_mask",
      int64Tensor(
        ids.map(() => 1),
        shape,
      ),
    ],
  ]);
  return defineCase({
    name: `checkpoint/${basename(resolve(directory))
      .toLowerCase()
      .replaceAll(/[^a-z0-9_.-]/g, "-")}`,
    title: directory,
    config,
    checkpoint: resolve(directory),
    inputs: () => inputs,
    phases: generates.test(String(architecture))
      ? planPhases({ chunks: [ids.length - decodeSteps], decode: decodeSteps, full: true })
      : [{ name: "full", start: 0, end: ids.length, cache: false }],
  });
}
