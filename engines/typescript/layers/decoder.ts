/**
 * The frame of a text decoder: layers between token embeddings and a final norm, and the root with caches, masks and
 * logits.
 */
import { slice } from "../tensor/layout.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { DecoderLayerInputs } from "./attention.ts";
import type { CausalModelInputs, MaskRequest, ModalityInputs } from "./causal_model.ts";
import { CausalModel } from "./causal_model.ts";
import type { LayerType } from "./config_schema.ts";
import { ConfigScope } from "./config_scope.ts";
import { ConfiguredModule, LayerModule } from "./configured_module.ts";
import { CacheLayer, KVCache, SlidingWindowCacheLayer } from "./kv_cache.ts";
import { LinearAttentionCacheLayer } from "./linear_attention_cache.ts";
import type { Embedding } from "./linear.ts";
import { Linear } from "./linear.ts";
import type { AttentionMasks } from "./masks.ts";
import { MaskBuilder } from "./masks.ts";
import type { Module, ModuleList } from "./module.ts";
import type { PositionEmbeddings } from "./rotary_embedding.ts";
import type { Scope } from "./scope.ts";

/** A module of one tensor that keeps its shape: a norm, an MLP. */
export type Transform = Module & { forward(hidden_states: Tensor): Tensor };

/** One layer: hidden_states [B, S, hidden_size] -> the same shape. */
export abstract class DecoderLayer<C extends object> extends LayerModule<C> {
  abstract forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor;
}

/** The field that a decoder without its head reads itself. */
interface DecoderModelConfig {
  readonly layer_types: readonly LayerType[];
}

/**
 * The decoder without its head: input_ids [B, S], or embeddings in their place -> normed hidden states [B, S,
 * hidden_size].
 */
export abstract class DecoderModel<C extends DecoderModelConfig = DecoderModelConfig> extends ConfiguredModule<C> {
  abstract embed_tokens: Embedding;
  abstract layers: ModuleList<Module & { forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor }>;
  abstract norm: Transform;
  abstract rotary_emb: Module & {
    forward(x: Tensor, position_ids: IndexTensor, layer_type?: string): PositionEmbeddings;
  };
  layer_types: readonly LayerType[];

  constructor(at: Scope, config: C) {
    super(at, config);
    this.layer_types = this.config.layer_types;
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
  /** False where all tokens see each other. */
  readonly is_causal?: boolean;
  readonly tie_word_embeddings: boolean;
}

/** The config of a root: that of the decoder, or of a whole model with the decoder's inside. */
type RootConfig = DecoderConfig | { readonly text_config: DecoderConfig; readonly tie_word_embeddings: boolean };

/** The root: input_ids [B, S] -> logits [B, S, vocab_size]. */
export abstract class DecoderForCausalLM<C extends RootConfig = RootConfig> extends CausalModel<C> {
  readonly modalities: readonly (keyof ModalityInputs)[] = [];
  abstract model: Module & { forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor };
  abstract lm_head: Linear;
  masks: MaskBuilder;
  layer_types: readonly CachedLayerType[];

  constructor(at: Scope, config: C) {
    super(at, config);
    const { layer_types, sliding_window, is_causal = true } = this.text_config;
    this.layer_types = layer_types;
    this.masks = new MaskBuilder({
      sliding_window: sliding_window ?? Infinity,
      is_causal,
      shapesOnly: at.context.shapesOnly,
    });
  }

  get text_config(): DecoderConfig {
    const config: RootConfig = this.config;
    return "text_config" in config ? config.text_config : config;
  }

  /**
   * The child `lm_head`, which has the token embeddings as its weight where the config ties them: those of the
   * state-dict name `embeddings`.
   */
  head(embeddings: string, { bias = false }: { readonly bias?: boolean } = {}): Linear {
    const at = new ConfigScope(this.at.child("lm_head"), this.text_config);
    const { tie_word_embeddings } = "text_config" in this.config ? this.config : at.config;
    const tied = tie_word_embeddings ? { tied: { weight: embeddings } } : {};
    return new Linear(at, { in: at.size("hidden_size"), out: at.size("vocab_size"), bias, ...tied });
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

  /** The logits, made of the head's output: unchanged here, soft-capped or scaled by some models. */
  logits(logits: Tensor): Tensor {
    return logits;
  }
}
