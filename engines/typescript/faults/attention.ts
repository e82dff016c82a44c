import { reshape, swapMiddle } from "../tensor/layout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { attention, change, layers, pick } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

type Json = Record<string, unknown>;
const category = "head-geometry";
const fullSize = "seed/gemma4_unified_12b";

/** The config with some fields of its text config changed. */
function withText(config: Json, fields: Json): Json {
  return { ...config, text_config: { ...(config["text_config"] as Json), ...fields } };
}

/**
 * The bug that started the project: a backend makes every layer's attention from the one `head_dim` of the config
 * (vllm#44494).
 */
export const oneHeadDimForEveryLayer: PlantedFault = {
  id: "one-head-dim",
  title: "attention built from one head_dim for every layer",
  category,
  case: "seed/gemma4_unified_12b_one_head_dim",
  at: `${layers}.5.self_attn.o_proj:in`,
  scopeConfig: (scope, config) => (scope.endsWith("#attention") ? withText(config, { per_layer_config: {} }) : config),
};

export const derivedHeadDim: PlantedFault = {
  id: "bumblebee-gemma-head-dim",
  title: "attention takes hidden_size / num_attention_heads for head_dim, the rotary tables do not",
  category,
  case: fullSize,
  at: `${layers}.0.self_attn.q_proj:out`,
  scopeConfig: (scope, config) =>
    scope.includes(".self_attn") ? withText(config, { head_dim: 3840 / 16, per_layer_config: {} }) : config,
};

export const globalKeyHeadsIgnored: PlantedFault = {
  id: "global-kv-heads-ignored",
  title: "full_attention layers built with num_key_value_heads in place of num_global_key_value_heads",
  category,
  case: fullSize,
  at: `${layers}.5.self_attn.k_proj:out`,
  config: (config) => withText(config, { num_global_key_value_heads: null }),
};

export const oneHeadDimInRotary: PlantedFault = {
  id: "ttmetal-head-size-fused",
  title: "rotary tables of full_attention layers made for the sliding layers' head_dim",
  category,
  case: fullSize,
  at: "model.language_model.rotary_emb:out@full_attention",
  scopeConfig: (scope, config) => (scope.endsWith(".rotary_emb") ? withText(config, { per_layer_config: {} }) : config),
};

/**
 * Key heads [B, kv_heads, T, D] laid out one per query head: query head `h` of `heads` reads key head `h % kv_heads`.
 */
function tile(states: Tensor, heads: number): Tensor {
  const [batch, kv_heads, length, dim] = states.shape as [number, number, number, number];
  const block = length * dim;
  const tiled = new Float32Array(batch * heads * block);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++) {
      const source = (b * kv_heads + (h % kv_heads)) * block;
      if (states.data) tiled.set(states.data.subarray(source, source + block), (b * heads + h) * block);
    }
  return floatTensor([batch, heads, length, dim], states.data && tiled, states.dtype);
}

export const keyHeadsTiled: PlantedFault = {
  id: "gqa-tiled",
  title: "key heads tiled (0 1 0 1) where grouped-query attention repeats them (0 0 1 1)",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn#scores`,
  model(model) {
    const { attention: core } = attention(model, 3);
    core.num_key_value_heads = core.num_heads;
    change(core, "compute_scores", (right) => (query, key) => right(query, tile(key, core.num_heads)));
    change(core, "compute_context", (right) => (probs, value) => right(probs, tile(value, core.num_heads)));
  },
};

export const onlyFirstKeyHead: PlantedFault = {
  id: "gqa-first-key-head",
  title: "every query head reads the first key head, as in multi-query attention",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.1.self_attn#scores`,
  model(model) {
    attention(model, 1).attention.num_key_value_heads = 1;
  },
};

export const headsNotMovedBack: PlantedFault = {
  id: "heads-merged-before-transpose",
  title: "context [B, heads, S, D] flattened without moving heads behind positions",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn.o_proj:in`,
  model(model) {
    change(attention(model, 6).attention, "forward", (right) => (...inputs) => {
      const context = right(...inputs); // [B, S, heads, D]
      return reshape(swapMiddle(context), context.shape);
    });
  },
};

export const headsInterleaved: PlantedFault = {
  id: "heads-interleaved",
  title: "context flattened as [D, heads] where o_proj expects [heads, D]",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.4.self_attn.o_proj:in`,
  model(model) {
    change(attention(model, 4).attention, "forward", (right) => (...inputs) => {
      const context = right(...inputs);
      const [heads, dim] = [context.size(2), context.size(3)];
      const transposed = (place: number): number => (place % heads) * dim + Math.floor(place / heads);
      return pick(context, (index) => index - (index % (heads * dim)) + transposed(index % (heads * dim)));
    });
  },
};

export const queriesSplitAcrossHeads: PlantedFault = {
  id: "q-heads-split-transposed",
  title: "q_proj's output read as [D, heads] where it is [heads, D]",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.8.self_attn.q_norm:in`,
  model(model) {
    change(attention(model, 8), "split_heads", (right) => (states) => {
      const split = right(states); // layer 8 shares keys: only queries are split
      const [heads, dim] = [split.size(2), split.size(3)];
      const transposed = (place: number): number => (place % dim) * heads + Math.floor(place / dim);
      return pick(split, (index) => index - (index % (heads * dim)) + transposed(index % (heads * dim)));
    });
  },
};
