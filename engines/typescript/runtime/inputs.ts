import { EngineError } from "../../../harness/engine/implementation.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import { readSafetensorsIndex, readTensor } from "../../../harness/trace/safetensors.ts";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { toNumbers } from "../../../harness/trace/tensor.ts";
import type { Fault } from "../fault.ts";
import type { ModalityInputs } from "../layers/causal_model.ts";
import { noModalities } from "../layers/causal_model.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { floatTensor, indexTensor } from "../tensor/tensor.ts";

/** An inputs file: see docs/protocol.md, Inputs. */
export interface ModelInputs {
  /** [B, S]. */
  readonly input_ids: IndexTensor;
  /** [B, S], 1 = a real token. */
  readonly attention_mask: IndexTensor;
  readonly mm_token_type_ids: IndexTensor | null;
  /** [B, S], the segment of each token. */
  readonly token_type_ids: IndexTensor | null;
  readonly modalities: ModalityInputs;
  /** The number of last tokens whose logits are wanted; all when absent. Models may return more. */
  readonly logits_to_keep?: number;
}

const layouts: Readonly<Record<string, { dtype: "F32" | "I64" | "BOOL"; rank: number | readonly number[] }>> = {
  input_ids: { dtype: "I64", rank: 2 },
  attention_mask: { dtype: "I64", rank: 2 },
  mm_token_type_ids: { dtype: "I64", rank: 2 },
  token_type_ids: { dtype: "I64", rank: 2 },
  pixel_values: { dtype: "F32", rank: [2, 3, 4] },
  image_position_ids: { dtype: "I64", rank: 3 },
  image_grid_thw: { dtype: "I64", rank: 2 },
  pixel_values_videos: { dtype: "F32", rank: [2, 3] },
  video_position_ids: { dtype: "I64", rank: 3 },
  num_frames_per_video: { dtype: "I64", rank: 1 },
  video_grid_thw: { dtype: "I64", rank: 2 },
  second_per_grid_ts: { dtype: "F32", rank: 1 },
  input_features: { dtype: "F32", rank: 3 },
  input_features_mask: { dtype: "BOOL", rank: 2 },
};

/** Tensors that only make sense together, those of them that a model takes. */
const companions = [
  ["pixel_values", "image_position_ids", "image_grid_thw"],
  ["pixel_values_videos", "video_position_ids", "num_frames_per_video", "video_grid_thw"],
  ["input_features", "input_features_mask"],
];

/**
 * Reads an inputs file for a model that takes `modalities`.
 * @throws EngineError `badInput` for unknown or missing tensors, wrong dtypes and shapes; `unsupported` for a modality
 * the model lacks.
 */
export function readInputs(file: string, modalities: readonly string[], fault: Fault | null): ModelInputs {
  const entries = readSafetensorsIndex(file).entries;
  const stored = new Map([...entries].map(([name, entry]) => [name, readTensor(entry)]));
  const tensors = fault?.inputs?.(stored) ?? stored;
  for (const [name, tensor] of tensors) check(file, name, tensor);
  for (const group of companions.map((names) => names.filter((name) => modalities.includes(name))))
    if (group.some((name) => tensors.has(name)) && !group.every((name) => tensors.has(name)))
      throw bad(file, group.join(" with "), group.filter((name) => tensors.has(name)).join(" alone, "));
  for (const name of Object.keys(noModalities))
    if (tensors.has(name) && !modalities.includes(name))
      throw new EngineError(errorCodes.unsupported, `the model takes no ${name}`, { where: file, found: name });

  const floats = (name: string): Tensor | null => {
    const raw = tensors.get(name);
    return raw ? floatTensor(raw.shape, toNumbers(raw) as Float32Array) : null;
  };
  const indices = (name: string): IndexTensor | null => {
    const raw = tensors.get(name);
    return raw ? indexTensor(raw.shape, Int32Array.from(toNumbers(raw))) : null;
  };
  const input_ids = indices("input_ids");
  if (input_ids === null) throw bad(file, "a tensor input_ids", "none");
  const attention_mask =
    indices("attention_mask") ?? indexTensor(input_ids.shape, new Int32Array(input_ids.data.length).fill(1));
  const mm_token_type_ids = modalities.length > 0 ? indices("mm_token_type_ids") : null;
  const token_type_ids = indices("token_type_ids");
  for (const [name, tensor] of Object.entries({ attention_mask, mm_token_type_ids, token_type_ids }))
    if (tensor !== null && tensor.shape.join() !== input_ids.shape.join())
      throw bad(
        `${file}, ${name}`,
        `the shape of input_ids [${input_ids.shape.join(", ")}]`,
        `[${tensor.shape.join(", ")}]`,
      );
  return {
    input_ids,
    attention_mask,
    mm_token_type_ids,
    token_type_ids,
    modalities: {
      pixel_values: floats("pixel_values"),
      image_position_ids: indices("image_position_ids"),
      image_grid_thw: grids(file, indices("image_grid_thw"), {
        name: "image_grid_thw",
        pixels: tensors.get("pixel_values"),
      }),
      pixel_values_videos: floats("pixel_values_videos"),
      video_position_ids: indices("video_position_ids"),
      num_frames_per_video: indices("num_frames_per_video"),
      video_grid_thw: grids(file, indices("video_grid_thw"), {
        name: "video_grid_thw",
        pixels: tensors.get("pixel_values_videos"),
      }),
      second_per_grid_ts: floats("second_per_grid_ts"),
      input_features: floats("input_features"),
      input_features_mask: indices("input_features_mask"),
    },
  };
}

/**
 * `image_grid_thw` or `video_grid_thw` [items, 3]: how the flat patches of that medium lie, in time, height and width;
 * of all items together as many as `pixels` has rows.
 */
function grids(
  file: string,
  grid_thw: IndexTensor | null,
  { name, pixels }: { name: string; pixels: RawTensor | undefined },
): IndexTensor | null {
  if (grid_thw === null) return null;
  const found = `[${grid_thw.shape.join(", ")}] ${grid_thw.data.join(" ")}`;
  if (grid_thw.size(1) !== 3 || grid_thw.data.some((patches) => patches < 1))
    throw bad(`${file}, ${name}`, "positive numbers of patches [items, 3] in time, height and width", found);
  const patches = grid_thw.data.reduce(
    (sum, t, i, all) => (i % 3 === 0 ? sum + t * all[i + 1]! * all[i + 2]! : sum),
    0,
  );
  if (pixels?.shape.length !== 2 || pixels.shape[0] === patches) return grid_thw;
  throw bad(`${file}, ${name}`, `grids of ${pixels.shape[0]} patches, as many as there are`, `${patches}: ${found}`);
}

function check(file: string, name: string, { dtype, shape }: RawTensor): void {
  const layout = layouts[name];
  if (!layout) throw bad(file, `only ${Object.keys(layouts).join(", ")}`, name);
  const ranks = [layout.rank].flat();
  if (dtype !== layout.dtype || !ranks.includes(shape.length))
    throw bad(
      `${file}, ${name}`,
      `${layout.dtype} of ${ranks.join(" or ")} dimensions`,
      `${dtype} [${shape.join(", ")}]`,
    );
}

function bad(where: string, expected: string, found: string): EngineError {
  return new EngineError(errorCodes.badInput, `${where}: expected ${expected}, found ${found}`, {
    expected,
    found,
    where,
    remedy: "write the inputs as docs/protocol.md describes them",
  });
}
