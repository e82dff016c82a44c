/**
 * Inputs of qwen2_5_vl: tokens with placeholders, and flat patches of images and videos of any size with their grids.
 */
import type { CaseDefinition, Inputs } from "../harness/case/case.ts";
import { drawUniform } from "../harness/trace/draw.ts";
import type { RawTensor } from "../harness/trace/tensor.ts";
import { float32Tensor, int64Tensor, toNumbers } from "../harness/trace/tensor.ts";
import { textInputs } from "./gemma4_unified.inputs.ts";

type Json = Record<string, unknown>;

/** Patches in time, height and width. */
type Grid = readonly [t: number, h: number, w: number];

/**
 * A stretch of a sequence: drawn text of so many tokens, or an image or a video of that grid between its begin and end
 * tokens.
 */
export type Segment = { readonly text: number } | { readonly image: Grid } | { readonly video: Grid };

/** Special tokens of the tiny config; drawn text stays below them. */
export const tokens = { start: 178, end: 179, image: 180, video: 181 };

/** Sizes that say how many numbers a patch has, and how many patches a token. */
interface PatchSizes {
  readonly patch_dim: number;
  readonly spatial_merge_size: number;
}

/**
 * One sequence for each list of segments, padded on the left; tokens and patches between -1 and 1 are drawn from the
 * seed. `second_per_grid_ts` are those of the videos.
 */
export function gridInputs(
  rows: readonly (readonly Segment[])[],
  { patch_dim, spatial_merge_size: merge }: PatchSizes,
  second_per_grid_ts: readonly number[] = [],
): CaseDefinition["inputs"] {
  const placeholders = ([t, h, w]: Grid): number => t * Math.floor(h / merge) * Math.floor(w / merge);
  const sequence = (seed: number, segments: readonly Segment[]): number[] => {
    const length = segments.reduce((sum, segment) => sum + ("text" in segment ? segment.text : 0), 0);
    const drawn = [...toNumbers(textInputs(seed, [length]).get("input_ids")!)];
    return segments.flatMap((segment) => {
      if ("text" in segment) return drawn.splice(0, segment.text);
      const [token, grid] = "image" in segment ? [tokens.image, segment.image] : [tokens.video, segment.video];
      return [tokens.start, ...new Array<number>(placeholders(grid)).fill(token), tokens.end];
    });
  };
  return (seed) => {
    const sequences = rows.map((segments, row) => sequence(seed + row, segments));
    const longest = Math.max(...sequences.map(({ length }) => length));
    const padded = (value: (token: number) => number): RawTensor => {
      const values = sequences.flatMap((ids) => [
        ...new Array<number>(longest - ids.length).fill(0),
        ...ids.map(value),
      ]);
      return int64Tensor(values, [rows.length, longest]);
    };
    const inputs = new Map([
      ["input_ids", padded((token) => token)],
      ["attention_mask", padded(() => 1)],
      ["mm_token_type_ids", padded((token) => [tokens.image, tokens.video].indexOf(token) + 1)],
    ]);
    const add = (name: string, grids: readonly Grid[], grid_name: string): void => {
      if (grids.length === 0) return;
      const shape = [grids.reduce((sum, [t, h, w]) => sum + t * h * w, 0), patch_dim];
      inputs.set(name, float32Tensor(drawUniform(seed, name, shape[0]! * patch_dim, -1, 1), shape));
      inputs.set(grid_name, int64Tensor(grids.flat(), [grids.length, 3]));
    };
    const segments = rows.flat();
    add(
      "pixel_values",
      segments.flatMap((segment) => ("image" in segment ? [segment.image] : [])),
      "image_grid_thw",
    );
    const videos = segments.flatMap((segment) => ("video" in segment ? [segment.video] : []));
    add("pixel_values_videos", videos, "video_grid_thw");
    if (videos.length > 0)
      inputs.set("second_per_grid_ts", float32Tensor(Float32Array.from(second_per_grid_ts), [videos.length]));
    return inputs;
  };
}

/** Small inputs of `length` tokens for a config of any size, data all zero: one image of 2 x 3 tokens, and text. */
export function shapeInputs(config: Json, length: number): Inputs {
  const vision = { ...(config["vision_config"] as Record<string, number> | undefined) };
  const { spatial_merge_size: merge = 2, patch_size = 14, temporal_patch_size = 2, in_channels = 3 } = vision;
  const [rows, columns, before] = [2, 3, 3];
  const of_image = (place: number): boolean => place >= before && place < before + rows * columns;
  const row = (value: (place: number) => number) =>
    int64Tensor(
      Array.from({ length }, (_, i) => value(i)),
      [1, length],
    );
  const shape = [rows * columns * merge ** 2, in_channels * temporal_patch_size * patch_size ** 2];
  return new Map([
    ["input_ids", row((place) => (of_image(place) ? Number(config["image_token_id"] ?? 151_655) : 5))],
    ["attention_mask", row(() => 1)],
    ["mm_token_type_ids", row((place) => (of_image(place) ? 1 : 0))],
    ["pixel_values", float32Tensor(new Float32Array(shape[0]! * shape[1]!), shape)],
    ["image_grid_thw", int64Tensor([1, rows * merge, columns * merge], [1, 3])],
  ]);
}
