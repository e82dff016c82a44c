import type { MaskBuilder } from "../layers/masks.ts";
import { get_block_sequence_ids_for_mask } from "../models/gemma4_unified/model.ts";
import { indexTensor, maskTensor } from "../tensor/tensor.ts";
import { causalModel, change, layers, maskOfLayer } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "mask";

/** The blocks of image and video tokens, or none in a forward that continues a cache. */
function blocksOf(mm_token_type_ids: Parameters<typeof get_block_sequence_ids_for_mask>[0] | null) {
  return get_block_sequence_ids_for_mask(mm_token_type_ids ?? indexTensor([1, 0], new Int32Array()));
}

/** Changes the builder of all the model's masks. */
function changeBuilder(faulty: (masks: MaskBuilder) => void): NonNullable<PlantedFault["model"]> {
  return (model) => faulty(causalModel(model).masks);
}

export const causalMaskMissing: PlantedFault = {
  id: "causal-mask-missing",
  title: "a full layer that sees tokens behind its own",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 4, (masks, request) => masks.create_mask(request, "full", () => true));
  },
};

export const causalMaskStrict: PlantedFault = {
  id: "causal-mask-excludes-itself",
  title: "tokens that see what lies before them but not themselves",
  category,
  case: "gemma4_unified/chunked",
  at: `${layers}.7.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 7, (masks, request) => masks.create_mask(request, "full", (_, q, k) => k < q));
  },
};

export const paddingMaskIgnored: PlantedFault = {
  id: "tl-padding-unmasked",
  title: "the attention mask of the inputs ignored: padding is read",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.0.self_attn#mask`,
  model: changeBuilder((masks) => {
    masks.padding_mask_function = () => true;
  }),
};

export const paddingReadInDecode: PlantedFault = {
  id: "padding-read-in-decode",
  title: "a full layer reads padding in decode steps only",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.4.self_attn#mask`,
  phase: "decode:1",
  model(model) {
    maskOfLayer(model, 4, (masks, request) => {
      const right = masks.create_causal_mask(request);
      return request.q_length === 1 ? maskTensor(right.shape, right.data && right.data.map(() => 1)) : right;
    });
  },
};

export const firstRowsMask: PlantedFault = {
  id: "candle-batch-mask",
  title: "every sequence of a batch masked as the first",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.2.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 2, (masks, request) => {
      const { shape, data } = masks.create_causal_mask(request); // [B, 1, S, T]
      const block = shape[2]! * shape[3]!;
      return maskTensor(shape, data && data.map((_, index) => data[index % block]!));
    });
  },
};

export const maskFromQueryLength: PlantedFault = {
  id: "candle-prefix-mask",
  title: "the causal mask of a later chunk aligned to the first cached token",
  category,
  case: "gemma4_unified/chunked",
  at: `${layers}.2.self_attn#mask`,
  phase: "chunk:1",
  model(model) {
    maskOfLayer(model, 2, (masks, request) => {
      const start = request.cache?.seq_length ?? 0;
      return masks.create_mask(request, "full", (_, q, k) => k <= q - start);
    });
  },
};

export const imageCausal: PlantedFault = {
  id: "gemma3-bidir-missing",
  title: "image tokens causal in a sliding layer",
  category,
  case: "gemma4_unified/image",
  at: `${layers}.3.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 3, (masks, request) => masks.create_sliding_window_causal_mask(request));
  },
};

export const noBlocks: PlantedFault = {
  id: "mvlm-paligemma-bidir",
  title: "no bidirectional blocks: video frames causal in all layers",
  category,
  case: "gemma4_unified/video",
  at: `${layers}.0.self_attn#mask`,
  model(model) {
    Object.assign(model.root, { use_bidirectional_attention: null });
  },
};

export const blocksInFullLayers: PlantedFault = {
  id: "bidirectional-in-full-layers",
  title: "image tokens see the rest of their block in a full layer too",
  category,
  case: "gemma4_unified/image",
  at: `${layers}.4.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 4, (masks, request) => {
      const blocks = blocksOf(request.mm_token_type_ids);
      return masks.create_mask(request, "full", (b, q, k) => k <= q || masks.blockwise_overlay(blocks, b, q, k));
    });
  },
};

export const blocksMerged: PlantedFault = {
  id: "hf-gemma3-bidir-across-images",
  title: "tokens of one image see those of the next: the test is for image tokens, not for the same image",
  category,
  case: "gemma4_unified/two_images",
  at: `${layers}.1.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 1, (masks, request) => {
      const blocks = blocksOf(request.mm_token_type_ids);
      masks.blockwise_overlay = (ids, b, q, k) =>
        Math.max(q, k) < ids.size(1) && ids.data[b * ids.size(1) + q]! >= 0 && ids.data[b * ids.size(1) + k]! >= 0;
      return masks.create_sliding_window_block_mask(request, blocks);
    });
  },
};

export const framesMerged: PlantedFault = {
  id: "video-frames-one-block",
  title: "all frames of a video one bidirectional block",
  category,
  case: "gemma4_unified/video",
  at: `${layers}.6.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 6, (masks, request) => {
      const blocks = blocksOf(request.mm_token_type_ids);
      const video = indexTensor(
        blocks.shape,
        blocks.data.map((block) => Math.min(block, 0)),
      );
      return masks.create_sliding_window_block_mask(request, video);
    });
  },
};

export const audioAsBlock: PlantedFault = {
  id: "audio-bidirectional",
  title: "audio tokens a bidirectional block as those of images",
  category,
  case: "gemma4_unified/audio",
  at: `${layers}.3.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 3, (masks, request) => {
      const types = request.mm_token_type_ids ?? indexTensor([1, 0], new Int32Array());
      const asImages = indexTensor(
        types.shape,
        types.data.map((type) => (type === 3 ? 1 : type)),
      );
      return masks.create_sliding_window_block_mask(request, get_block_sequence_ids_for_mask(asImages));
    });
  },
};

export const blockBeyondWindow: PlantedFault = {
  id: "block-outside-window",
  title: "image tokens see all of their block, the window notwithstanding",
  category,
  case: "gemma4_unified/image",
  at: `${layers}.5.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 5, (masks, request) => {
      const blocks = blocksOf(request.mm_token_type_ids);
      return masks.create_mask(
        request,
        "sliding",
        (b, q, k) => (masks.sliding_window_overlay(b, q, k) && k <= q) || masks.blockwise_overlay(blocks, b, q, k),
      );
    });
  },
};

export const videoNotABlock: PlantedFault = {
  id: "only-images-are-blocks",
  title: "bidirectional blocks for images but not for video frames",
  category,
  case: "gemma4_unified/everything",
  at: `${layers}.0.self_attn#mask`,
  model(model) {
    change(causalModel(model), "create_masks_for_generate", (right) => (request) => {
      const types = request.mm_token_type_ids;
      if (types === null) return right(request);
      const images = indexTensor(
        types.shape,
        types.data.map((type) => (type === 2 ? 0 : type)),
      );
      return right({ ...request, mm_token_type_ids: images });
    });
  },
};
