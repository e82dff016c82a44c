/** Faults of how queries and keys are rotated with right tables, and of one layer's own tables. */
import { compute_proportional_rope_parameters } from "../layers/rope_init.ts";
import { slice, swapMiddle } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  attention,
  change,
  layers,
  mapElements,
  pickChannels,
  rotateWith,
  textModel,
  textOnlyLayers,
} from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "rope-layout";
type Tables = readonly [cos: Tensor, sin: Tensor];

/** Tables that rotate nothing. */
function unrotated([cos, sin]: Tables): Tables {
  return [mapElements(cos, () => 1), mapElements(sin, () => 0)];
}

export const interleaved: PlantedFault = {
  id: "candle-neox-rope",
  title: "channels rotated in pairs (2i, 2i + 1) where the weights are laid out for (i, i + D / 2)",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn#q_rope`,
  model(model) {
    change(attention(model, 3), "apply_rotary_pos_emb", (right) => (x, cos, sin) => {
      const half = x.size(-1) / 2;
      const paired = pickChannels(x, (channel) => (channel < half ? 2 * channel : 2 * (channel - half) + 1));
      return pickChannels(right(paired, cos, sin), (channel) => Math.floor(channel / 2) + (channel % 2) * half);
    });
  },
};

export const rotateEvenOdd: PlantedFault = {
  id: "mvlm-glm45v-rot",
  title: "rotate_half on even and odd channels with tables for halves",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn#q_rope`,
  model(model) {
    attention(model, 6).apply_rotary_pos_emb = (x, cos, sin) => {
      const [heads, dim] = [x.size(2), x.size(3)];
      return mapElements(x, (value, index) => {
        const angle = Math.floor(index / (heads * dim)) * dim + (index % dim);
        const partner = index % 2 === 0 ? -x.data![index + 1]! : x.data![index - 1]!;
        return value * cos.data![angle]! + partner * sin.data![angle]!;
      });
    };
  },
};

export const tableByHead: PlantedFault = {
  id: "candle-phi-rope",
  title: "the rotary table indexed by the head in place of the position",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.1.self_attn#q_rope`,
  model(model) {
    change(attention(model, 1), "apply_rotary_pos_emb", (right) => (x, cos, sin) => {
      const [cosOfHead, sinOfHead] = [cos, sin].map((table) => slice(table, 1, 0, x.size(2))) as [Tensor, Tensor];
      return swapMiddle(right(swapMiddle(x), cosOfHead, sinOfHead));
    });
  },
};

export const rotatedBackwards: PlantedFault = {
  id: "rope-sign",
  title: "the sign of rotate_half exchanged: queries and keys rotate backwards",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.self_attn#q_rope`,
  model(model) {
    change(
      attention(model, 5),
      "apply_rotary_pos_emb",
      (right) => (x, cos, sin) =>
        right(
          x,
          cos,
          mapElements(sin, (value) => -value),
        ),
    );
  },
};

export const keyNotRotated: PlantedFault = {
  id: "k-not-rotated",
  title: "keys not rotated, queries are",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.3.self_attn#k_rope`,
  model(model) {
    change(
      attention(model, 3),
      "key_value_states",
      (right) => (hidden_states, tables) => right(hidden_states, unrotated(tables)),
    );
  },
};

export const noPositionsInFullLayers: PlantedFault = {
  id: "exaone4-rope-global",
  title: "a full layer without rotary embedding, as in models whose full layers have none",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn#q_rope`,
  model(model) {
    const at = attention(model, 4);
    change(at, "query_states", (right) => (hidden_states, tables) => right(hidden_states, unrotated(tables)));
    change(at, "key_value_states", (right) => (hidden_states, tables) => right(hidden_states, unrotated(tables)));
  },
};

export const noPositionsEveryFourth: PlantedFault = {
  id: "smollm3-nope-inverted",
  title: "every fourth layer without rotary embedding",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.3.self_attn#q_rope`,
  model(model) {
    change(attention(model, 3), "apply_rotary_pos_emb", (right) => (x, cos, sin) => right(x, ...unrotated([cos, sin])));
  },
};

export const passThroughScaled: PlantedFault = {
  id: "mlx-phi4mini-partial-su",
  title: "the attention factor multiplied into channels that the partial rotation passes through",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.8.self_attn#q_rope`,
  model(model) {
    const { inv_freq } = textModel(model).rotary_emb.rope["full_attention"]!;
    change(attention(model, 8), "apply_rotary_pos_emb", (right) => (x, cos, sin) => {
      const scaled = mapElements(cos, (value, i) => (inv_freq[i % inv_freq.length] === 0 ? value * 1.19 : value));
      return right(x, scaled, sin);
    });
  },
};

export const partialFactorOfLayer: PlantedFault = {
  id: "vllm-glm-rotary-halved-per-layer",
  title: "partial_rotary_factor written back into the config, so that the second full layer applies it twice",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn#q_rope`,
  model(model, config) {
    const text = config["text_config"] as { rope_parameters: { full_attention: { rope_theta: number } } };
    const { rope_theta } = text.rope_parameters.full_attention;
    const init = compute_proportional_rope_parameters({ rope_theta, partial_rotary_factor: 0.3 ** 2 }, 20);
    rotateWith(model, 4, init);
  },
};

export const wholeHeadInOneLayer: PlantedFault = {
  id: "mlx-glm4-partial-rotary",
  title: "one full layer rotates its whole head",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.7.self_attn#q_rope`,
  model(model) {
    rotateWith(model, 7, compute_proportional_rope_parameters({ rope_theta: 54_321, partial_rotary_factor: 1 }, 20));
  },
};

export const scaledInOneLayer: PlantedFault = {
  id: "mlx-gemma3-rope-scaling-local",
  title: "one sliding layer rotates with linearly scaled positions",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.self_attn#q_rope`,
  model(model) {
    const { inv_freq, attention_scaling } = textModel(model).rotary_emb.rope["sliding_attention"]!;
    rotateWith(model, 5, { inv_freq: inv_freq.map((frequency) => frequency / 8), attention_scaling });
  },
};
