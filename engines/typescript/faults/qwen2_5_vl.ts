/** Faults of ports of qwen2_5_vl: positions in time, height and width. */
import type { BuiltModel } from "../fault.ts";
import type { Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLModel } from "../models/qwen2_5_vl/model.ts";
import type { Qwen2_5_VLRotaryEmbedding } from "../models/qwen2_5_vl/text.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { change, part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "qwen2_5_vl";
const images = { category, case: "qwen2_5_vl/images" } as const;
const video = { category, case: "qwen2_5_vl/video" } as const;
const positions = "inputs#position_ids";
const tables = "model.language_model.rotary_emb:out";

const root = (model: BuiltModel) => model.root as Qwen2_5_VLForConditionalGeneration;
const mediaModel = (model: BuiltModel) => part<Qwen2_5_VLModel>(model, "model");

export const sectionsSwapped: PlantedFault = {
  ...images,
  id: "qwen25vl-mrope-sections-swapped",
  title: "height and width exchanged in the sections of M-RoPE",
  at: tables,
  model(model) {
    const rotary_emb = part<Qwen2_5_VLRotaryEmbedding>(model, "model.language_model.rotary_emb");
    change(
      rotary_emb,
      "recomposition_frequencies",
      (right) =>
        ([t, h, w]) =>
          right([t!, w!, h!]),
    );
  },
};

export const interleaved: PlantedFault = {
  ...images,
  id: "mvlm-mrope-interleave-q2",
  title: "frequencies of M-RoPE interleaved as those of Qwen3-VL: t, h, w, t, h, w, ...",
  at: tables,
  model(model) {
    const rotary_emb = part<Qwen2_5_VLRotaryEmbedding>(model, "model.language_model.rotary_emb");
    rotary_emb.mrope_section = rotary_emb.mrope_section.flatMap((width) => new Array<number>(width).fill(1));
  },
};

export const plainPositions: PlantedFault = {
  ...images,
  id: "gllm-simple-positions",
  title: "plain positions for all tokens, also those of images",
  at: positions,
  model(model) {
    const at = root(model);
    change(at, "create_position_ids", (right) => (attention_mask, request) => {
      return right(attention_mask, { ...request, image_grid_thw: null });
    });
  },
};

export const firstImageOnly: PlantedFault = {
  ...images,
  id: "mvlm-mrope-two-images",
  title: "positions of a grid for the first image only, those of text for the others",
  at: positions,
  model(model) {
    change(mediaModel(model), "get_rope_index", (right) => (inputs) => {
      const { shape, data } = inputs.mm_token_type_ids;
      const begins = (i: number): boolean => data[i] === 1 && (data[i - 1] !== 1 || i % shape[1]! < 1);
      const place = (i: number): number =>
        data.slice(i - (i % shape[1]!), i + 1).filter((_, k) => begins(i - (i % shape[1]!) + k)).length;
      const types = data.map((type, i) => (place(i) === 1 ? type : 0));
      const first = [...data.keys()].filter(begins).map((i) => place(i) === 1);
      const grids = inputs.image_grid_thw!.data.filter((_, i) => first[Math.floor(i / 3)]);
      const image_grid_thw = indexTensor([grids.length / 3, 3], grids);
      return right({ ...inputs, image_grid_thw, mm_token_type_ids: indexTensor(shape, types) });
    });
  },
};

export const oneBehindImages: PlantedFault = {
  ...images,
  id: "qwen25vl-one-too-far-behind-images",
  title: "positions go on one too far behind an image",
  at: positions,
  model(model) {
    change(mediaModel(model), "position_after_vision", (right) => (start, grid) => right(start, grid) + 1);
  },
};

export const countedBehindImages: PlantedFault = {
  ...images,
  id: "qwen25vl-image-tokens-counted",
  title: "text behind an image goes on from the number of its tokens, not from its largest position",
  at: positions,
  model(model) {
    const at = mediaModel(model);
    at.position_after_vision = (start, [t, h, w]) => start + (t * h * w) / at.spatial_merge_size ** 2;
  },
};

export const deltasIgnored: PlantedFault = {
  ...images,
  id: "qwen25vl-rope-deltas-ignored",
  title: "forwards that continue the cache count tokens: rope_deltas ignored",
  at: positions,
  phase: "chunk:1",
  model(model) {
    change(
      root(model),
      "expand_positions",
      (right) => (text, deltas) =>
        right(
          text,
          deltas.map(() => 0),
        ),
    );
  },
};

export const deltaOfFirst: PlantedFault = {
  ...images,
  id: "qwen25vl-rope-delta-of-first-sequence",
  title: "rope_deltas of the first sequence for the whole batch",
  at: positions,
  phase: "chunk:1",
  model(model) {
    change(
      root(model),
      "expand_positions",
      (right) => (text, deltas) =>
        right(
          text,
          deltas.map(() => deltas[0]!),
        ),
    );
  },
};

export const secondsIgnored: PlantedFault = {
  ...video,
  id: "qwen25vl-video-seconds-ignored",
  title: "frames of a video one position apart, whatever second_per_grid_ts says",
  at: positions,
  model(model) {
    change(mediaModel(model), "get_vision_position_ids", (right) => (start, grid) => right(start, grid, 1));
  },
};

export const causes = {
  "qwen25vl-mrope-sections-swapped": "position/height and width",
  "mvlm-mrope-interleave-q2": "mrope_section each frequency in turn",
  "gllm-simple-positions": "position/text",
  "mvlm-mrope-two-images": "position/first only",
  "qwen25vl-one-too-far-behind-images": "position/\\+1",
  "qwen25vl-image-tokens-counted": "position/tokens counted",
  "qwen25vl-rope-deltas-ignored": "position/text",
  "qwen25vl-rope-delta-of-first-sequence": "position/lead of the first sequence",
  "qwen25vl-video-seconds-ignored": "position/steps of 1",
};
