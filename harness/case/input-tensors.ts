/**
 * The one vocabulary of input tensors: those of tokens, and those of each kind of media. Adding a modality is a row
 * here (docs/protocol.md, "Inputs").
 */
import { int64Tensor } from "../trace/tensor.ts";
import type { Inputs } from "./case.ts";

/**
 * A kind of media: its number in `mm_token_type_ids`, its tensors, and which of them says what is real and what
 * padding.
 */
export interface MediaKind {
  readonly name: "image" | "video" | "audio";
  /** The name of several of its items. */
  readonly plural: string;
  readonly type: number;
  /** Tensors whose first axis counts items: images, frames, clips. */
  readonly tensors: readonly string[];
  /** [items, entries, ...]: an entry is real where a number of it is at least this. */
  readonly real: { readonly tensor: string; readonly from: number };
  /**
   * Present where the patches of all items lie one behind the other in `patches`: `grids` [items, 3] has their numbers
   * in time, height and width, `others` are the other tensors per item.
   */
  readonly flat?: { readonly patches: string; readonly grids: string; readonly others: readonly string[] };
}

/** All kinds that the protocol knows. */
export const mediaKinds: readonly MediaKind[] = [
  {
    name: "image",
    plural: "images",
    type: 1,
    tensors: ["pixel_values", "image_position_ids"],
    real: { tensor: "image_position_ids", from: 0 },
    flat: { patches: "pixel_values", grids: "image_grid_thw", others: [] },
  },
  {
    name: "video",
    plural: "video frames",
    type: 2,
    tensors: ["pixel_values_videos", "video_position_ids"],
    real: { tensor: "video_position_ids", from: 0 },
    flat: { patches: "pixel_values_videos", grids: "video_grid_thw", others: ["second_per_grid_ts"] },
  },
  {
    name: "audio",
    plural: "audio clips",
    type: 3,
    tensors: ["input_features", "input_features_mask"],
    real: { tensor: "input_features_mask", from: 1 },
  },
];

/** Tensors with one number a token, [B, S] like `input_ids`, that any text has. */
const textTensors = ["input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids"];

const mediaTensors = new Set(
  mediaKinds.flatMap(({ tensors, flat }) => [...tensors, ...(flat ? [flat.patches, flat.grids, ...flat.others] : [])]),
);

/** True when some tensor is of an image, video or audio. */
export function hasMedia(names: Iterable<string>): boolean {
  return [...names].some((name) => mediaTensors.has(name));
}

/** True when all tensors are of the tokens of a text. */
export function isText(names: Iterable<string>): boolean {
  return [...names].every((name) => textTensors.includes(name));
}

/** One sequence of `length` equal tokens, without padding. */
export function plainText(length: number, token = 5): Inputs {
  const row = (value: number) => int64Tensor(new Array<number>(length).fill(value), [1, length]);
  return new Map([
    ["input_ids", row(token)],
    ["attention_mask", row(1)],
  ]);
}
