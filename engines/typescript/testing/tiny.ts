/**
 * Fixtures of the engine's tests: a tiny gemma4_unified with one layer of every kind, its checkpoint, inputs and runs.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Params } from "../../../harness/engine/protocol.ts";
import type { PhaseSpec } from "../../../harness/engine/specs.ts";
import { drawParameter, drawUniform, streamKey, uniformBits } from "../../../harness/trace/draw.ts";
import { writeSafetensors } from "../../../harness/trace/safetensors.ts";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { boolTensor, float32Tensor, int64Tensor, toNumbers } from "../../../harness/trace/tensor.ts";
import { buildModel } from "../runtime/build.ts";
import { TypeScriptEngine } from "../runtime/engine.ts";
import { testFolder } from "../../../harness/trace/test-folder.ts";

export type Json = Record<string, unknown>;
type ComputeDtype = Params<"load">["dtype"];

const [sliding, full] = ["sliding_attention", "full_attention"];

/**
 * Layers 0, 1, 3 sliding and 2, 4 full with their own keys; 5, 6 sliding and 7, 8 full ones that reuse those of 3 and
 * 4. Window 8.
 */
export const tinyText = {
  model_type: "gemma4_unified_text",
  vocab_size: 193,
  hidden_size: 40,
  intermediate_size: 68,
  num_hidden_layers: 9,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 14,
  global_head_dim: 20,
  num_global_key_value_heads: 1,
  attention_k_eq_v: true,
  num_kv_shared_layers: 4,
  use_double_wide_mlp: true,
  layer_types: [sliding, sliding, full, sliding, full, sliding, sliding, full, full],
  sliding_window: 8,
  rms_norm_eps: 1e-3,
  final_logit_softcapping: 2.5,
  rope_parameters: {
    sliding_attention: { rope_type: "default", rope_theta: 12345 },
    full_attention: { rope_type: "proportional", partial_rotary_factor: 0.3, rope_theta: 54321 },
  },
  max_position_embeddings: 64,
  use_bidirectional_attention: "vision",
};

/** The multimodal model around `tinyText`. */
export const tiny = {
  architectures: ["Gemma4UnifiedForConditionalGeneration"],
  model_type: "gemma4_unified",
  text_config: tinyText,
  vision_config: { patch_size: 2, pooling_kernel_size: 2, mm_embed_dim: 36, mm_posemb_size: 23, output_proj_dims: 36 },
  audio_config: { audio_embed_dim: 26 },
  image_token_id: 180,
  audio_token_id: 181,
  video_token_id: 184,
};

/** The 12 billion parameter model: full-attention layers 5, 11, ... have 512-wide heads and one key head. */
export const large = {
  architectures: ["Gemma4UnifiedForConditionalGeneration"],
  model_type: "gemma4_unified",
  text_config: {
    hidden_size: 3840,
    intermediate_size: 15360,
    num_hidden_layers: 48,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    num_global_key_value_heads: 1,
    attention_k_eq_v: true,
  },
  vision_config: {},
  audio_config: {},
};

/** A new empty directory. */
export function scratch(): string {
  return testFolder();
}

/** The tensors of a checkpoint of `config`, drawn from seed 1. */
export function drawTensors(config: Json): Map<string, RawTensor> {
  const { tensorSpecs } = buildModel({ config, fault: null, weights: null });
  const stored = tensorSpecs.filter(({ tied_to }) => tied_to === undefined);
  return new Map(stored.map(({ name, shape }) => [name, float32Tensor(drawParameter(1, name, shape), shape)]));
}

/** Writes a checkpoint directory and returns its path. `change` may add, remove and replace tensors. */
export function writeCheckpoint(config: Json, change: (tensors: Map<string, RawTensor>) => void = () => {}): string {
  const directory = join(scratch(), "checkpoint");
  mkdirSync(directory);
  const tensors = drawTensors(config);
  change(tensors);
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeSafetensors(join(directory, "model.safetensors"), tensors);
  return directory;
}

/** Token ids 3 .. 169 from seed 2, [B, S], with the lengths that leave padding on the left. */
export function textInputs(lengths: readonly number[]): Map<string, RawTensor> {
  const width = Math.max(...lengths);
  const shape = [lengths.length, width];
  const key = streamKey(2, "input_ids");
  const mask = lengths.flatMap((length) => Array.from({ length: width }, (_, i) => (i < width - length ? 0 : 1)));
  const ids = mask.map((real, i) => (real ? 3 + (uniformBits(key, i) % 167) : 0));
  return new Map([
    ["input_ids", int64Tensor(ids, shape)],
    ["attention_mask", int64Tensor(mask, shape)],
  ]);
}

/** 16 tokens: text, a 3 x 2 image (6 tokens of 8 patches), text, 2 audio tokens of 3 frames, text. */
export function mediaInputs(config: typeof tiny = tiny): Map<string, RawTensor> {
  const ids = [5, 9, ...Array<number>(6).fill(config.image_token_id), 7, 181, 181, 30, 31, 32, 33, 34];
  const types = ids.map((id) => (id === config.image_token_id ? 1 : id === config.audio_token_id ? 3 : 0));
  const positions = [0, 0, 1, 0, 2, 0, 0, 1, 1, 1, 2, 1, -1, -1, -1, -1];
  return new Map([
    ["input_ids", int64Tensor(ids, [1, 16])],
    ["attention_mask", int64Tensor(Array<number>(16).fill(1), [1, 16])],
    ["mm_token_type_ids", int64Tensor(types, [1, 16])],
    ["pixel_values", float32Tensor(drawUniform(3, "pixel_values", 8 * 48, 0, 1), [1, 8, 48])],
    ["image_position_ids", int64Tensor(positions, [1, 8, 2])],
    ["input_features", float32Tensor(drawUniform(3, "input_features", 3 * 26, -1, 1), [1, 3, 26])],
    ["input_features_mask", boolTensor([1, 1, 0], [1, 3])],
  ]);
}

/** Writes an inputs file and returns its path. */
export function writeInputs(tensors: ReadonlyMap<string, RawTensor>): string {
  const file = join(scratch(), "inputs.safetensors");
  writeSafetensors(file, tensors);
  return file;
}

/** Phases that run tokens in chunks with a cache: sizes 3, 2 are `[0, 3)` and `[3, 5)`. */
export function chunks(...sizes: readonly number[]): PhaseSpec[] {
  let start = 0;
  return sizes.map((size, index) => {
    const phase = { name: `chunk:${index}`, start, end: start + size, cache: true };
    start += size;
    return phase;
  });
}

/** One tap as numbers. */
export interface Recorded {
  readonly phase: string;
  readonly site: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
  readonly raw: RawTensor;
  readonly batch: number;
}

/** Loads `checkpoint` (default in float32) and runs `phases`; returns the taps in order. */
export async function record(
  checkpoint: string,
  inputs: ReadonlyMap<string, RawTensor>,
  phases: readonly PhaseSpec[],
  options: {
    sites?: string[];
    fault?: { module: string; name: string };
    dtype?: ComputeDtype;
    storeFrom?: number;
  } = {},
): Promise<Recorded[]> {
  const { sites, dtype = "float32", storeFrom = Infinity, ...load } = options;
  const engine = new TypeScriptEngine({ storeFrom });
  await engine.load({ checkpoint, dtype, ...load });
  const recorded: Recorded[] = [];
  let batch = 0;
  const run = { run: "test", inputs: writeInputs(inputs), phases: [...phases], oracle: false, credits: 1 };
  engine.run({ ...run, ...(sites ? { sites } : {}) }, (phase, taps) => {
    for (const { site, tensor } of taps)
      recorded.push({ phase, site, shape: tensor.shape, values: toNumbers(tensor), raw: tensor, batch });
    batch++;
  });
  return recorded;
}

/** The tap at `site` in `phase`. Throws when there is none. */
export function tapAt(taps: readonly Recorded[], phase: string, site: string): Recorded {
  const match = taps.find((tap) => tap.phase === phase && tap.site === site);
  if (!match) throw new Error(`no tap ${phase}|${site}`);
  return match;
}

/** The largest difference of two number lists of one length. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`);
  return Array.from(a).reduce((worst, value, i) => {
    const difference = Math.abs(value - b[i]!);
    return difference <= worst ? worst : difference; // NaN wins
  }, 0);
}
