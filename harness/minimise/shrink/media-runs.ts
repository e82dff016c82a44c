/** Images, video frames and audio clips of an inputs file, with the tokens that stand for them. */
import type { RawTensor } from "../../trace/tensor.ts";
import { int64Tensor, toNumbers } from "../../trace/tensor.ts";
import type { Case, Inputs } from "../../case/case.ts";
import type { MediaKind } from "../../case/input-tensors.ts";
import { mediaKinds } from "../../case/input-tensors.ts";
import { indicesWithout, pickAlong } from "./slices.ts";

/** Tokens [start, end) of a row that stand for one item. */
export interface MediaRun {
  readonly row: number;
  readonly start: number;
  readonly end: number;
}

/** The type of every token [B * S]: `mm_token_type_ids`, else by the placeholder ids that the config names. */
export function mediaTypes(config: Case["config"], inputs: Inputs): ArrayLike<number> {
  const given = inputs.get("mm_token_type_ids");
  if (given) return toNumbers(given);
  const placeholders = new Map(
    mediaKinds.flatMap(({ name, type }) =>
      ["id", "index"].map((end) => [config[`${name}_token_${end}`], type] as const),
    ),
  );
  return Array.from(toNumbers(inputs.get("input_ids")!), (id) => placeholders.get(id) ?? 0);
}

/** The runs of one kind in order of row and token: its items, if there are as many. */
export function mediaRuns(config: Case["config"], inputs: Inputs, { type }: MediaKind): MediaRun[] {
  const [rows, length] = inputs.get("input_ids")!.shape as [number, number];
  const types = mediaTypes(config, inputs);
  const runs: MediaRun[] = [];
  for (let row = 0; row < rows; row++)
    for (let start = 0; start < length;) {
      let end = start;
      while (end < length && types[row * length + end] === type) end++;
      if (end > start) runs.push({ row, start, end });
      start = Math.max(end, start + 1);
    }
  return runs;
}

/** Number of items of a kind. */
export function itemCount(inputs: Inputs, { tensors, flat }: MediaKind): number {
  const counted = (flat && inputs.get(flat.grids)) ?? inputs.get(tensors[0]!);
  return counted?.shape[0] ?? 0;
}

/**
 * The inputs without items [start, end) of a kind; their tokens are not touched. Without the tensors when none are
 * left.
 */
export function withoutItems(inputs: Inputs, kind: MediaKind, start: number, end: number): Inputs {
  const kept = indicesWithout(itemCount(inputs, kind), start, end);
  const next = new Map(inputs);
  if (kind.flat && inputs.has(kind.flat.grids)) return withoutFlatItems(inputs, kind.flat, kept);
  for (const name of kind.tensors) {
    const tensor = inputs.get(name);
    if (kept.length === 0) next.delete(name);
    else if (tensor) next.set(name, pickAlong(tensor, 0, kept));
  }
  const frames = kind.name === "video" && inputs.get("num_frames_per_video");
  if (frames) {
    const left = framesLeft(frames, kept);
    if (left.length === 0) next.delete("num_frames_per_video");
    else next.set("num_frames_per_video", int64Tensor(left, [left.length]));
  }
  return next;
}

/** The inputs with the items `kept` of those whose patches lie one behind the other. */
function withoutFlatItems(
  inputs: Inputs,
  { patches, grids, others }: NonNullable<MediaKind["flat"]>,
  kept: readonly number[],
): Inputs {
  const sizes = toNumbers(inputs.get(grids)!);
  const length = (item: number): number => sizes[3 * item]! * sizes[3 * item + 1]! * sizes[3 * item + 2]!;
  const start = (item: number): number => (item === 0 ? 0 : start(item - 1) + length(item - 1));
  const rows = kept.flatMap((item) => Array.from({ length: length(item) }, (_, i) => start(item) + i));
  const next = new Map(inputs);
  for (const [name, indices] of [
    [patches, rows],
    ...[grids, ...others].map((tensor) => [tensor, kept] as const),
  ] as const) {
    const tensor = inputs.get(name);
    if (kept.length === 0) next.delete(name);
    else if (tensor) next.set(name, pickAlong(tensor, 0, indices));
  }
  return next;
}

/** The number of kept frames of each video; videos without any are gone. */
function framesLeft(framesPerVideo: RawTensor, kept: readonly number[]): number[] {
  let first = 0;
  return [...toNumbers(framesPerVideo)]
    .map((count) => {
      const own = kept.filter((frame) => frame >= first && frame < first + count).length;
      first += count;
      return own;
    })
    .filter((count) => count > 0);
}

/** The inputs without the media of a row, whose tokens stay. */
export function withoutMediaOfRow(config: Case["config"], inputs: Inputs, row: number): Inputs {
  for (const kind of mediaKinds) {
    const runs = mediaRuns(config, inputs, kind);
    const own = runs.flatMap((run, index) => (run.row === row ? [index] : []));
    if (own.length > 0) inputs = withoutItems(inputs, kind, own[0]!, own.at(-1)! + 1);
  }
  return inputs;
}
