/** Faults of ports of qwen2_5_vl: windows, order and positions of patches in the vision tower. */
import type { BuiltModel } from "../fault.ts";
import type { Qwen2_5_VisionTransformerPretrainedModel } from "../models/qwen2_5_vl/vision.ts";
import { takeRows } from "../tensor/select.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { change, part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "qwen2_5_vl_vision";
const images = { category, case: "qwen2_5_vl/images" } as const;
const mask = (block: number): string => `model.visual.blocks.${block}.attn#mask`;

const tower = (model: BuiltModel) => part<Qwen2_5_VisionTransformerPretrainedModel>(model, "model.visual");

export const windowsEverywhere: PlantedFault = {
  ...images,
  id: "cosmos-fullatt-strkey",
  title: "all blocks of the tower attend within windows: fullatt_block_indexes never matches",
  at: mask(1),
  model(model) {
    tower(model).fullatt_block_indexes = [];
  },
};

export const noWindows: PlantedFault = {
  ...images,
  id: "qwen25vl-no-windows",
  title: "all blocks of the tower attend to the whole image",
  at: mask(0),
  model(model) {
    tower(model).fullatt_block_indexes = [0, 1];
  },
};

export const acrossImages: PlantedFault = {
  ...images,
  id: "qwen25vl-attention-across-images",
  title: "in full-attention blocks the patches of all images see each other",
  at: mask(1),
  model(model) {
    change(tower(model), "seqlens_of_block", (right) => (layer, seqlens) => {
      const ends = right(layer, seqlens);
      return ends === seqlens.cu_seqlens ? [0, ends.at(-1)!] : ends;
    });
  },
};

export const inverseForward: PlantedFault = {
  ...images,
  id: "qwen25vl-window-order-inverse",
  title: "tokens put in order by window_index, not by its inverse",
  at: "model.language_model:in",
  model(model) {
    tower(model).reverse_windows = (tokens, window_index) => takeRows(tokens, window_index);
  },
};

export const windowOrderKept: PlantedFault = {
  ...images,
  id: "qwen25vl-window-order-kept",
  title: "tokens stay in the order of windows behind the merger",
  at: "model.language_model:in",
  model(model) {
    tower(model).reverse_windows = (tokens) => tokens;
  },
};

export const rowsAndColumnsSwapped: PlantedFault = {
  ...images,
  id: "qwen25vl-vision-rope-swapped",
  title: "rows and columns exchanged in the rotary embedding of the tower",
  at: "model.visual.rotary_pos_emb:out",
  model(model) {
    change(
      tower(model).rotary_pos_emb,
      "forward",
      (right) => (x, position_ids) =>
        right(
          x,
          indexTensor(
            position_ids.shape,
            position_ids.data.map((_, i) => position_ids.data[i ^ 1]!),
          ),
        ),
    );
  },
};

export const tablesInReadingOrder: PlantedFault = {
  ...images,
  id: "qwen25vl-vision-rope-not-permuted",
  title: "rotary tables of the tower stay in the images' order while the patches lie in the order of windows",
  at: "model.visual.blocks.0.attn#q_rope",
  model(model) {
    const at = tower(model);
    change(at, "permute_input_for_window_attn", (right) => (tensor, window_index) => {
      const is_table = tensor.size(1) !== at.merger.ln_q.dim;
      return is_table ? tensor : right(tensor, window_index);
    });
  },
};

export const framesTogether: PlantedFault = {
  category,
  case: "qwen2_5_vl/video",
  id: "qwen25vl-attention-across-frames",
  title: "in full-attention blocks all frames of a video see each other",
  at: `${mask(1)}@1`,
  model(model) {
    change(tower(model), "seqlens_of_block", (right) => (layer, seqlens) => {
      const ends = right(layer, seqlens);
      return ends === seqlens.cu_seqlens ? [0, ends.at(-1)!] : ends;
    });
  },
};

export const causes = {
  "cosmos-fullatt-strkey": "blocks\\.0\\.attn#mask in its place",
  "qwen25vl-no-windows": "blocks\\.1\\.attn#mask in its place",
  "qwen25vl-attention-across-images": "packing/one",
  "qwen25vl-window-order-inverse": "masked_scatter 3: rows in another order",
  "qwen25vl-window-order-kept": "masked_scatter 3: rows in another order",
  "qwen25vl-vision-rope-swapped": "position/the first axis and the second axis",
  "qwen25vl-attention-across-frames": "packing/one",
};
