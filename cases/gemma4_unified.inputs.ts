/**
 * Inputs of gemma4_unified: token sequences with placeholders for image, video and audio, and the tensors that fill
 * them.
 */
import { fileURLToPath } from "node:url";
import type { Inputs } from "../harness/case/case.ts";
import { streamKey, uniformBits } from "../harness/trace/draw.ts";
import { readSafetensorsIndex, readTensor } from "../harness/trace/safetensors.ts";
import type { RawTensor } from "../harness/trace/tensor.ts";
import { boolTensor, elementCount, float32Tensor, int64Tensor, toNumbers } from "../harness/trace/tensor.ts";

type Json = Record<string, unknown>;

/** A stretch of a sequence: drawn text of so many tokens, or a piece of media of that name in cases/media. */
export type Segment =
  | { readonly text: number }
  | { readonly image: "photo" | "photo_wide" }
  | { readonly video: "video" }
  | { readonly audio: "speech" };

/** Special tokens of the tiny configs; drawn text stays below them and above pad, bos and eos. */
const tokens = { image: 180, audio: 181, video: 184, boi: 178, eoi: 182, boa: 179, eoa: 183 };
const [firstTextToken, lastTextToken] = [3, 177];

const media = fileURLToPath(new URL("media/gemma4_unified.safetensors", import.meta.url));

/** `count` token ids drawn from stream `name`. */
function drawText(seed: number, name: string, count: number): number[] {
  const key = streamKey(seed, name);
  const range = lastTextToken - firstTextToken + 1;
  return Array.from({ length: count }, (_, index) => firstTextToken + (uniformBits(key, index) % range));
}

/** Text only: one row per length, padded on the left with token 0 to the longest. */
export function textInputs(seed: number, lengths: readonly number[]): Inputs {
  const longest = Math.max(...lengths);
  const rows = lengths.map((length, row) => [
    ...new Array<number>(longest - length).fill(0),
    ...drawText(seed, `text.${row}`, length),
  ]);
  const mask = lengths.map((length) =>
    Array.from({ length: longest }, (_, place) => (place < longest - length ? 0 : 1)),
  );
  const shape = [lengths.length, longest];
  return new Map([
    ["input_ids", int64Tensor(rows.flat(), shape)],
    ["attention_mask", int64Tensor(mask.flat(), shape)],
    ["mm_token_type_ids", int64Tensor(new Array<number>(elementCount(shape)).fill(0), shape)],
  ]);
}

/** One sequence of text and media, as the reference's processor lays it out: begin and end tokens around each piece. */
export function multimodalInputs(seed: number, segments: readonly Segment[]): Inputs {
  const ids: number[] = [];
  const types: number[] = [];
  const push = (token: number, type: number, count = 1): void => {
    for (let index = 0; index < count; index++) {
      ids.push(token);
      types.push(type);
    }
  };
  const [images, videos, clips]: [string[], string[], string[]] = [[], [], []];
  segments.forEach((segment, place) => {
    if ("text" in segment) for (const token of drawText(seed, `segment.${place}`, segment.text)) push(token, 0);
    else if ("image" in segment) {
      images.push(segment.image);
      push(tokens.boi, 0);
      push(tokens.image, 1, realPatches(load(`${segment.image}.position_ids`)));
      push(tokens.eoi, 0);
    } else if ("video" in segment) {
      videos.push(segment.video);
      const positions = load(`${segment.video}.position_ids`);
      const [frames, patches] = positions.shape as [number, number, number];
      for (let frame = 0; frame < frames; frame++) {
        push(tokens.boi, 0);
        push(tokens.video, 2, realPatches(sliceFrame(positions, frame, patches)));
        push(tokens.eoi, 0);
      }
    } else {
      clips.push(segment.audio);
      push(tokens.boa, 0);
      push(
        tokens.audio,
        3,
        toNumbers(load(`${segment.audio}.input_features_mask`)).filter((real) => real !== 0).length,
      );
      push(tokens.eoa, 0);
    }
  });
  const shape = [1, ids.length];
  const inputs = new Map<string, RawTensor>([
    ["input_ids", int64Tensor(ids, shape)],
    ["attention_mask", int64Tensor(new Array<number>(ids.length).fill(1), shape)],
    ["mm_token_type_ids", int64Tensor(types, shape)],
  ]);
  if (images.length > 0) {
    inputs.set("pixel_values", stack(images.map((name) => load(`${name}.pixel_values`))));
    inputs.set("image_position_ids", stack(images.map((name) => load(`${name}.position_ids`))));
  }
  if (videos.length > 0) {
    const frames = videos.map((name) => load(`${name}.pixel_values`));
    inputs.set("pixel_values_videos", stack(frames));
    inputs.set("video_position_ids", stack(videos.map((name) => load(`${name}.position_ids`))));
    inputs.set(
      "num_frames_per_video",
      int64Tensor(
        frames.map(({ shape: [count = 0] }) => count),
        [frames.length],
      ),
    );
  }
  if (clips.length > 0) {
    inputs.set("input_features", stack(clips.map((name) => load(`${name}.input_features`))));
    inputs.set("input_features_mask", stack(clips.map((name) => load(`${name}.input_features_mask`))));
  }
  return inputs;
}

/** Number of tokens of an inputs map. */
export function sequenceLength(inputs: Inputs): number {
  return inputs.get("input_ids")!.shape[1]!;
}

function load(name: string): RawTensor {
  const entry = readSafetensorsIndex(media).entries.get(name);
  if (!entry) throw new Error(`${media} holds no tensor ${name}; make it again with cases/media/fetch.py`);
  return readTensor(entry);
}

function realPatches(positions: RawTensor): number {
  return toNumbers(positions).filter((coordinate) => coordinate >= 0).length / 2;
}

function sliceFrame({ dtype, bytes }: RawTensor, frame: number, patches: number): RawTensor {
  const size = patches * 2 * 8;
  return { dtype, shape: [patches, 2], bytes: bytes.subarray(frame * size, (frame + 1) * size) };
}

/** Joins tensors along their first axis. */
function stack(parts: readonly RawTensor[]): RawTensor {
  const [first] = parts as [RawTensor];
  const count = parts.reduce((total, { shape }) => total + shape[0]!, 0);
  return {
    dtype: first.dtype,
    shape: [count, ...first.shape.slice(1)],
    bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
  };
}

const realImagePatches = 6;
const realFrames = 5;

/**
 * Small inputs of `length` tokens for a config of any size, data all zero: one image of 3 x 2 patches and 2 padding
 * patches, one audio clip of 5 frames and 2 padding frames, where the config has them.
 */
export function shapeInputs(config: Json, length: number): Inputs {
  const ids = new Array<number>(length).fill(5);
  const types = new Array<number>(length).fill(0);
  const inputs = new Map<string, RawTensor>();
  const { vision_config: vision, audio_config: audio } = config as { vision_config?: Json; audio_config?: Json };
  if (vision) {
    ids.fill(Number(config["image_token_id"] ?? 258_880), 2, 2 + realImagePatches);
    types.fill(1, 2, 2 + realImagePatches);
    const side = Number(vision["patch_size"] ?? 16) * Number(vision["pooling_kernel_size"] ?? 3);
    const total = realImagePatches + 2;
    const positions = Array.from({ length: realImagePatches }, (_, patch) => [patch % 3, Math.floor(patch / 3)]);
    inputs.set("pixel_values", float32Tensor(new Float32Array(total * side * side * 3), [1, total, side * side * 3]));
    inputs.set("image_position_ids", int64Tensor([...positions.flat(), -1, -1, -1, -1], [1, total, 2]));
  }
  if (audio) {
    const start = 3 + realImagePatches;
    ids.fill(Number(config["audio_token_id"] ?? 258_881), start, start + realFrames);
    types.fill(3, start, start + realFrames);
    const width = Number(audio["audio_embed_dim"] ?? 640);
    const total = realFrames + 2;
    inputs.set("input_features", float32Tensor(new Float32Array(total * width), [1, total, width]));
    inputs.set("input_features_mask", boolTensor([1, 1, 1, 1, 1, 0, 0], [1, total]));
  }
  inputs.set("input_ids", int64Tensor(ids, [1, length]));
  inputs.set("attention_mask", int64Tensor(new Array<number>(length).fill(1), [1, length]));
  if (vision) inputs.set("mm_token_type_ids", int64Tensor(types, [1, length]));
  return inputs;
}
