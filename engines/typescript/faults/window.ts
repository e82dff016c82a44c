import type { BuiltModel } from "../fault.ts";
import { change, changeCache, layers, maskOfLayer } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";
import { maskTensor } from "../tensor/tensor.ts";

const category = "sliding-window";

/** Gives the layers in `full` a mask without a window, and those in `sliding` one with it. */
function layerPattern(model: BuiltModel, { full, sliding }: { full: readonly number[]; sliding: readonly number[] }) {
  for (const n of full) maskOfLayer(model, n, (masks, request) => masks.create_mask(request, "sliding", causal));
  for (const n of sliding)
    maskOfLayer(model, n, (masks, request) =>
      masks.create_mask(request, "full", (b, q, k) => causal(b, q, k) && masks.sliding_window_overlay(b, q, k)),
    );
}

const causal = (_: number, q: number, k: number): boolean => k <= q;

export const windowOneTooMany: PlantedFault = {
  id: "mlx-swa-offbyone",
  title: "the window one token too long: q - k <= window",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 3, (masks, request) => {
      masks.sliding_window = 9;
      return masks.create_sliding_window_causal_mask(request);
    });
  },
};

export const windowOneTooFew: PlantedFault = {
  id: "window-one-too-short",
  title: "the window one token too short",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn#mask`,
  model(model) {
    maskOfLayer(model, 6, (masks, request) => {
      masks.sliding_window = 7;
      return masks.create_sliding_window_causal_mask(request);
    });
  },
};

export const windowMissing: PlantedFault = {
  id: "window-missing",
  title: "a sliding layer without its window",
  category,
  case: "gemma4_unified/chunked",
  at: `${layers}.5.self_attn#mask`,
  phase: "chunk:2",
  model(model) {
    layerPattern(model, { full: [5], sliding: [] });
  },
};

export const windowDefault: PlantedFault = {
  id: "window-default",
  title: "sliding_window not read, the class's default 1024 used",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.0.self_attn#mask`,
  config(config) {
    delete (config["text_config"] as Record<string, unknown>)["sliding_window"];
    return config;
  },
};

export const patternByPeriod: PlantedFault = {
  id: "megatron-gemma4-layer-pattern",
  title: "every third layer full, whatever layer_types says: layer 4 has a window",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn#mask`,
  model(model) {
    layerPattern(model, { full: [5], sliding: [4, 7] });
  },
};

export const alternating: PlantedFault = {
  id: "vllm-gptoss-hardcoded-alternation",
  title: "sliding and full layers alternate whatever layer_types says: layer 1 has no window",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.1.self_attn#mask`,
  model(model) {
    layerPattern(model, { full: [1, 3, 5], sliding: [2, 4, 8] });
  },
};

export const maxWindowLayers: PlantedFault = {
  id: "hf-qwen2-swa-wrong-layers",
  title: "the first layers sliding and the rest full, as max_window_layers once said: layer 2 has a window",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.self_attn#mask`,
  model(model) {
    layerPattern(model, { full: [3, 5, 6], sliding: [2] });
  },
};

export const maskLatched: PlantedFault = {
  id: "mlx-gemma3-mask-latched",
  title: "the mask of layer 0 kept for all layers: full layers have a window",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.2.self_attn#mask`,
  model(model) {
    change(model.root, "create_masks_for_generate", (right) => (request) => {
      const { sliding_attention } = right(request);
      const { cache, q_length } = request;
      const latched = cache === null || cache.seq_length + q_length === sliding_attention.size(3);
      return { sliding_attention, full_attention: latched ? sliding_attention : right(request).full_attention };
    });
  },
};

export const windowShortInDecode: PlantedFault = {
  id: "window-short-in-decode",
  title: "the window of a decode step leaves out the step's own token",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.3.self_attn#mask`,
  phase: "decode:2",
  model(model) {
    maskOfLayer(model, 3, (masks, request) => {
      if (request.q_length === 1) masks.sliding_window = 7;
      return masks.create_sliding_window_causal_mask(request);
    });
  },
};

export const ringSlotsByPosition: PlantedFault = {
  id: "qeff-gemma4-ring-validity",
  title: "slots of a ring buffer taken for valid up to position % window: after the wrap the older half is hidden",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.6.self_attn#mask`,
  phase: "decode:3",
  model(model) {
    maskOfLayer(model, 6, (masks, request) => {
      const right = masks.create_sliding_window_causal_mask(request);
      const position = request.cache?.seq_length ?? 0;
      if (request.q_length > 1) return right;
      return maskTensor(right.shape, right.data && right.data.map((may, slot) => (slot <= position % 8 ? may : 0)));
    });
  },
};

export const windowMissingInDecode: PlantedFault = {
  id: "hnet-window-decode",
  title: "decode steps without a window: sliding layers keep all tokens and a single query reads them all",
  category,
  case: "gemma4_unified/decode",
  at: "cache.0.key",
  phase: "decode:2",
  model(model) {
    changeCache(model, (cache) => {
      for (const cached of cache.layers) if (cached) cached.keep = (full) => full;
    });
    change(model.root, "create_masks_for_generate", (right) => (request) => {
      const masks = right(request);
      const { shape, data } = masks.sliding_attention;
      if (request.q_length > 1) return masks;
      return { ...masks, sliding_attention: maskTensor(shape, data && data.map(() => 1)) };
    });
  },
};

export const windowBothSides: PlantedFault = {
  id: "window-halved",
  title: "the window halved, as if it were given for both sides of a token",
  category,
  case: "gemma4_unified/causal_lm",
  at: "model.layers.2.self_attn#mask",
  phase: "chunk:1",
  model(model) {
    maskOfLayer(model, 2, (masks, request) => {
      masks.sliding_window = 5;
      return masks.create_sliding_window_causal_mask(request);
    });
  },
};
