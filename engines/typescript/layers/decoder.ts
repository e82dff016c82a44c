/** The frame of a text decoder: residual layers between token embeddings and a final norm, and the root with caches, masks and logits. */
import { add } from "../tensor/elementwise.ts";
import { slice } from "../tensor/layout.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { Attention, DecoderLayerInputs } from "./attention.ts";
import type { CausalModelInputs, MaskRequest, ModalityInputs } from "./causal_model.ts";
import { CausalModel } from "./causal_model.ts";
import type { LayerType } from "./config_schema.ts";
import { CacheLayer, KVCache, SlidingWindowCacheLayer } from "./kv_cache.ts";
import { LinearAttentionCacheLayer } from "./linear_attention_cache.ts";
import type { Embedding } from "./linear.ts";
import { Linear } from "./linear.ts";
import type { AttentionMasks } from "./masks.ts";
import { MaskBuilder } from "./masks.ts";
import type { ModuleList } from "./module.ts";
import { Module } from "./module.ts";
import type { PositionEmbeddings } from "./rotary_embedding.ts";
import type { Scope } from "./scope.ts";
import { size } from "./scope.ts";

/** A module of one tensor that keeps its shape: a norm, an MLP. */
export type Transform = Module & { forward(hidden_states: Tensor): Tensor };

/** One layer: hidden_states [B, S, hidden_size] -> the same shape. */
export abstract class DecoderLayer extends Module {
  abstract self_attn: Attention;
  abstract mlp: Transform;
  abstract forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor;
}

/** A layer that norms the input of attention and MLP, as Llama's. */
export abstract class PreNormDecoderLayer extends DecoderLayer {
  abstract input_layernorm: Transform;
  abstract post_attention_layernorm: Transform;

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.input_layernorm.call(hidden_states);
    hidden_states = this.self_attn.call(hidden_states, inputs);
    hidden_states = this.add_residual(residual, hidden_states);

    residual = hidden_states;
    hidden_states = this.post_attention_layernorm.call(hidden_states);
    hidden_states = this.mlp.call(hidden_states);
    return this.add_residual(residual, hidden_states);
  }

  add_residual(residual: Tensor, hidden_states: Tensor): Tensor {
    return add(residual, hidden_states);
  }
}

/** A layer that norms input and output of attention and MLP, as Gemma's. */
export abstract class SandwichNormDecoderLayer extends DecoderLayer {
  abstract input_layernorm: Transform;
  abstract post_attention_layernorm: Transform;
  abstract pre_feedforward_layernorm: Transform;
  abstract post_feedforward_layernorm: Transform;

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.input_layernorm.call(hidden_states);
    hidden_states = this.self_attn.call(hidden_states, inputs);
    hidden_states = this.post_attention_layernorm.call(hidden_states);
    hidden_states = add(residual, hidden_states);

    residual = hidden_states;
    hidden_states = this.pre_feedforward_layernorm.call(hidden_states);
    hidden_states = this.mlp.call(hidden_states);
    hidden_states = this.post_feedforward_layernorm.call(hidden_states);
    return add(residual, hidden_states);
  }
}

/** The decoder without its head: input_ids [B, S], or embeddings in their place -> normed hidden states [B, S, hidden_size]. */
export abstract class DecoderModel extends Module {
  abstract embed_tokens: Embedding;
  abstract layers: ModuleList<Module & { forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor }>;
  abstract norm: Transform;
  abstract rotary_emb: Module & {
    forward(x: Tensor, position_ids: IndexTensor, layer_type?: string): PositionEmbeddings;
  };
  layer_types: readonly LayerType[];

  constructor(config: { readonly layer_types: readonly LayerType[] }, at: Scope) {
    super(at);
    this.layer_types = at.read(config).layer_types;
  }

  forward(
    input_ids: IndexTensor | null,
    { position_ids, attention_masks, cache }: CausalModelInputs,
    inputs_embeds: Tensor | null = null,
  ): Tensor {
    let hidden_states = inputs_embeds ?? this.embed(input_ids!); // [B, S, hidden_size]
    const tables = this.position_embeddings(hidden_states, position_ids);
    for (const [i, decoder_layer] of this.layers.elements.entries()) {
      const layer_type = this.layer_types[i]!;
      const [position_embeddings, attention_mask] = [tables(layer_type), attention_masks[layer_type]];
      const states = hidden_states;
      hidden_states = scratch(() => decoder_layer.call(states, { position_embeddings, attention_mask, cache }));
    }
    return this.norm.call(hidden_states);
  }

  /** The rotary tables by layer type; most models have the same for all. */
  position_embeddings(hidden_states: Tensor, position_ids: IndexTensor): (layer_type: LayerType) => PositionEmbeddings {
    const tables = this.rotary_emb.call(hidden_states, position_ids);
    return () => tables;
  }

  embed(input_ids: IndexTensor): Tensor {
    return this.embed_tokens.call(input_ids);
  }
}

/** The kinds of layers that a root makes caches and masks for. */
type CachedLayerType = LayerType | "linear_attention";

/** The fields that the root of a decoder reads. */
export interface DecoderConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly layer_types: readonly CachedLayerType[];
  readonly sliding_window?: number | null;
  readonly tie_word_embeddings: boolean;
}

/** The root: input_ids [B, S] -> logits [B, S, vocab_size]. */
export abstract class DecoderForCausalLM extends CausalModel {
  readonly modalities: readonly (keyof ModalityInputs)[] = [];
  abstract model: Module & { forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor };
  abstract lm_head: Linear;
  masks: MaskBuilder;
  layer_types: readonly CachedLayerType[];

  constructor(config: DecoderConfig, at: Scope) {
    super(at);
    config = at.read(config);
    this.layer_types = config.layer_types;
    const sliding_window = config.sliding_window ?? Infinity;
    this.masks = new MaskBuilder({ sliding_window, is_causal: true, shapesOnly: at.context.shapesOnly });
  }

  /** The head, which has the weight of `embedding` where the config ties them. */
  create_lm_head(config: DecoderConfig, at: Scope, { embedding, bias = false, tie }: HeadOptions): Linear {
    config = at.read(config);
    const { path: owner, weight } = embedding;
    const tied = (tie ?? config.tie_word_embeddings) ? { tied: { name: `${owner}.weight`, weight } } : {};
    return new Linear(at, { in: size(config, "hidden_size"), out: size(config, "vocab_size"), bias, ...tied });
  }

  create_cache(): KVCache {
    const is_linear = this.layer_types.map((layer_type) => layer_type === "linear_attention");
    return new KVCache(
      this.layer_types.map((layer_type, i) => (is_linear[i] ? null : this.create_cache_layer(layer_type))),
      is_linear.map((linear) => (linear ? new LinearAttentionCacheLayer() : null)),
    );
  }

  create_cache_layer(layer_type: CachedLayerType): CacheLayer {
    return layer_type === "sliding_attention"
      ? new SlidingWindowCacheLayer(this.masks.sliding_window)
      : new CacheLayer();
  }

  create_masks_for_generate(request: MaskRequest): AttentionMasks {
    return {
      full_attention: this.masks.create_causal_mask(request),
      sliding_attention: this.masks.create_sliding_window_causal_mask(request),
      linear_attention: this.masks.create_recurrent_attention_mask(request),
    };
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const hidden_states = this.model.call(input_ids, inputs); // [B, S, hidden_size]
    const length = hidden_states.size(1);
    const kept = slice(hidden_states, 1, Math.max(length - (inputs.logits_to_keep ?? length), 0), length);
    return this.logits(this.lm_head.call(kept)); // [B, S or logits_to_keep, vocab_size]
  }

  /** What becomes of the head's output. */
  logits(logits: Tensor): Tensor {
    return logits;
  }
}

interface HeadOptions {
  readonly embedding: Embedding;
  readonly bias?: boolean;
  /** Where another config than this one says whether they are tied. */
  readonly tie?: boolean;
}
