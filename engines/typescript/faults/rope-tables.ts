/** Faults of the cosine and sine tables of one layer type: theta, scaling, rotated share. */
import type { RopeInit } from "../layers/rope_init.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { change, pickChannels, textModel } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";
import { bf16 } from "./rounding.ts";

type Json = Record<string, unknown>;
type Rope = Record<"sliding_attention" | "full_attention", Json>;

const category = "rope-tables";
const slidingCos = "model.language_model.rotary_emb:out@sliding_attention";
const fullCos = "model.language_model.rotary_emb:out@full_attention";

/** A config hook that replaces `rope_parameters`. */
function withRope(faulty: (rope: Rope) => Rope): (config: Json) => Json {
  return (config) => {
    const text = config["text_config"] as Json;
    return { ...config, text_config: { ...text, rope_parameters: faulty(text["rope_parameters"] as Rope) } };
  };
}

/** A model hook that changes the frequencies of one layer type. */
function withInit(type: keyof Rope, faulty: (init: RopeInit) => void): NonNullable<PlantedFault["model"]> {
  return (model) => faulty(textModel(model).rotary_emb.rope[type]!);
}

export const thetaDefault: PlantedFault = {
  id: "sglang-rope-theta-v5",
  title: "theta 10000 in sliding layers whatever the config says",
  category,
  case: "gemma4_unified/text",
  at: slidingCos,
  config: withRope((rope) => ({ ...rope, sliding_attention: { ...rope.sliding_attention, rope_theta: 10_000 } })),
};

export const nestedThetaNotRead: PlantedFault = {
  id: "mlxlm-granite-nested-rope",
  title: "the nested rope_theta of full layers not read, 1000000 used",
  category,
  case: "gemma4_unified/text",
  at: fullCos,
  config: withRope((rope) => ({ ...rope, full_attention: { ...rope.full_attention, rope_theta: 1_000_000 } })),
};

export const thetaOfOtherType: PlantedFault = {
  id: "rope-theta-of-sliding-layers",
  title: "full layers use the sliding layers' theta",
  category,
  case: "gemma4_unified/decode",
  at: fullCos,
  config: withRope((rope) => ({
    ...rope,
    full_attention: { ...rope.full_attention, rope_theta: rope.sliding_attention["rope_theta"] },
  })),
};

export const ropeTypesSwapped: PlantedFault = {
  id: "mlx-olmo3-rope-layer-swap",
  title: "the rope parameters of sliding and full layers swapped",
  category,
  case: "gemma4_unified/text",
  at: fullCos, // both are wrong; the reference makes this one first
  config: withRope((rope) => ({
    sliding_attention: rope.full_attention,
    full_attention: rope.sliding_attention,
  })),
};

export const partialIgnored: PlantedFault = {
  id: "mlx-gemma4-partial-rotary-default",
  title: "partial_rotary_factor of full layers ignored: the whole head rotates",
  category,
  case: "gemma4_unified/text",
  at: fullCos,
  config: withRope((rope) => ({ ...rope, full_attention: { ...rope.full_attention, partial_rotary_factor: 1 } })),
};

export const partialTwice: PlantedFault = {
  id: "vllm-minimax-factor-twice",
  title: "partial_rotary_factor applied twice, by the config and by the rotary embedding",
  category,
  case: "gemma4_unified/text",
  at: fullCos,
  config: withRope((rope) => ({
    ...rope,
    full_attention: { ...rope.full_attention, partial_rotary_factor: 0.3 ** 2 },
  })),
};

export const spacedInRotaryDim: PlantedFault = {
  id: "proportional-spacing-of-rotary-dim",
  title: "the frequencies of a partial rotation spaced over the rotated channels in place of the whole head",
  category,
  case: "gemma4_unified/text",
  at: fullCos,
  model: withInit("full_attention", (init) => {
    const rotated = init.inv_freq.filter((frequency) => frequency > 0).length;
    const exponent = init.inv_freq.length / rotated;
    init.inv_freq = init.inv_freq.map((frequency) => frequency ** exponent);
  }),
};

export const scalingOnSlidingLayers: PlantedFault = {
  id: "llamacpp-gemma3-rope-scale-local",
  title: "linear rope scaling by 8, meant for full layers, applied to sliding layers",
  category,
  case: "gemma4_unified/text",
  at: slidingCos,
  model: withInit("sliding_attention", (init) => {
    init.inv_freq = init.inv_freq.map((frequency) => frequency / 8);
  }),
};

export const lowFrequenciesScaled: PlantedFault = {
  id: "tl-llama31-rope",
  title: "the lowest rotated frequency of full layers divided by 8, as for Llama 3.1",
  category,
  case: "gemma4_unified/text",
  at: fullCos,
  model: withInit("full_attention", (init) => {
    const lowest = init.inv_freq.findLastIndex((frequency) => frequency > 0);
    init.inv_freq = init.inv_freq.map((frequency, index) => (index === lowest ? frequency / 8 : frequency));
  }),
};

export const frequenciesInBf16: PlantedFault = {
  id: "candle-qwen3-rope-bf16",
  title: "inverse frequencies rounded to bfloat16",
  category,
  case: "gemma4_unified/text",
  at: slidingCos,
  model: withInit("sliding_attention", (init) => {
    init.inv_freq = init.inv_freq.map(bf16);
  }),
};

export const yarnAttentionFactor: PlantedFault = {
  id: "yarn-attention-factor-applied",
  title: "cosines and sines of full layers multiplied by YaRN's attention factor",
  category,
  case: "gemma4_unified/text",
  at: fullCos,
  model: withInit("full_attention", (init) => {
    init.attention_scaling = 0.1 * Math.log(4) + 1;
  }),
};

export const positionsMultiplied: PlantedFault = {
  id: "mlx-internlm-dynamic-ntk",
  title: "positions multiplied by the rope factor in place of theta",
  category,
  case: "gemma4_unified/text",
  at: fullCos,
  model(model) {
    change(textModel(model).rotary_emb, "forward", (right) => (x, position_ids, layer_type) => {
      const factor = layer_type === "full_attention" ? 2 : 1;
      const scaled = position_ids.data.map((position) => position * factor);
      return right(x, indexTensor(position_ids.shape, scaled), layer_type);
    });
  },
};

export const frequenciesInterleaved: PlantedFault = {
  id: "rope-table-interleaved",
  title: "each frequency repeated twice in a row (0 0 1 1) where halves are paired (0 1 0 1)",
  category,
  case: "gemma4_unified/text",
  at: fullCos, // both are wrong; the reference makes this one first
  model(model) {
    change(textModel(model).rotary_emb, "forward", (right) => (x, position_ids, layer_type) => {
      const [cos, sin] = right(x, position_ids, layer_type);
      const doubled = (channel: number): number => Math.floor(channel / 2);
      return [pickChannels(cos, doubled), pickChannels(sin, doubled)];
    });
  },
};

export const cosSinSwapped: PlantedFault = {
  id: "cos-sin-swapped",
  title: "the cosine and the sine table swapped",
  category,
  case: "gemma4_unified/left_padded",
  at: fullCos, // both are wrong; the reference makes this one first
  model(model) {
    change(textModel(model).rotary_emb, "forward", (right) => (...inputs) => {
      const [cos, sin] = right(...inputs);
      return [sin, cos];
    });
  },
};
