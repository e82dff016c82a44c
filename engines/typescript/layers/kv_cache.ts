import { append, without } from "../tensor/growing.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LinearAttentionCacheLayer } from "./linear_attention_cache.ts";

/** Keys and values of one layer, each [B, kv_heads, T, D]. */
export type KeyValue = readonly [key: Tensor, value: Tensor];

/** Length of the keys that the next attention reads, and the position of the first of them. */
export interface KeyRange {
  kv_length: number;
  kv_offset: number;
}

/** The state of a layer at one moment. Its tensors are never changed, only replaced. */
export type LayerState = Pick<CacheLayer, "kept" | "cumulative_length">;

/**
 * The cache of a full-attention layer: keeps everything. Source: transformers 5.24.0, `cache_utils.py`, `DynamicLayer`.
 */
export class CacheLayer {
  /** The keys and values that are kept between forwards; null before the first. */
  kept: KeyValue | null = null;
  /** Tokens seen since the start, kept or not. */
  cumulative_length = 0;

  /** Adds the keys and values of new tokens; returns those that the attention reads: kept and new. */
  update(key_states: Tensor, value_states: Tensor): KeyValue {
    const [keys = null, values = null] = this.kept ?? [];
    const full: KeyValue = [append(keys, key_states), append(values, value_states)];
    this.cumulative_length += key_states.size(2);
    this.kept = this.keep(full);
    return full;
  }

  /** The part of kept and new tokens that stays after a forward. */
  keep(full: KeyValue): KeyValue {
    return full;
  }

  /** The range that the attention of a forward with `query_length` new tokens will read. */
  get_mask_sizes(query_length: number): KeyRange {
    const kept = this.kept?.[0].size(2) ?? 0;
    return { kv_length: kept + query_length, kv_offset: this.cumulative_length - kept };
  }
}

/**
 * The cache of a sliding-window layer: keeps the last `sliding_window - 1` tokens, all that a later token can still
 * read besides itself. Source: `DynamicSlidingWindowLayer`.
 */
export class SlidingWindowCacheLayer extends CacheLayer {
  sliding_window: number;

  constructor(sliding_window: number) {
    super();
    this.sliding_window = sliding_window;
  }

  override keep([key, value]: KeyValue): KeyValue {
    const length = key.size(2);
    const start = Math.max(length - (this.sliding_window - 1), 0);
    return [without(key, start), without(value, start)];
  }
}

/** The state of a whole cache at one moment. */
export interface CacheState {
  readonly layers: readonly (LayerState | null)[];
  readonly states: readonly (Pick<LinearAttentionCacheLayer, "conv" | "recurrent"> | null)[];
}

/**
 * One cache of a model: keys and values by layer, null in layers that read another layer's or have no attention; and
 * recurrent states by layer, where a model has them.
 */
export class KVCache {
  readonly layers: (CacheLayer | null)[];
  readonly states: (LinearAttentionCacheLayer | null)[];

  constructor(layers: (CacheLayer | null)[], states: (LinearAttentionCacheLayer | null)[] = []) {
    this.layers = layers;
    this.states = states;
  }

  /** Tokens that layers with keys have seen so far. */
  get seq_length(): number {
    return this.layers.find((layer) => layer !== null)?.cumulative_length ?? 0;
  }

  /** The state of the cache now, for `restore`. */
  save(): CacheState {
    return {
      layers: this.layers.map((layer) => layer && { kept: layer.kept, cumulative_length: layer.cumulative_length }),
      states: this.states.map((state) => state && { conv: state.conv, recurrent: state.recurrent }),
    };
  }

  /** Makes the cache what it was when `saved` was taken, as a request that shares a prefix finds it. */
  restore(saved: CacheState): void {
    for (const [index, layer] of this.layers.entries()) if (layer) Object.assign(layer, saved.layers[index]);
    for (const [index, state] of this.states.entries()) if (state) Object.assign(state, saved.states[index]);
  }

  /** All tensors that it holds, under the names of their sites: `0.key`, `0.value`, `1.conv`, `1.recurrent`. */
  *tensors(): Generator<[name: string, tensor: Tensor]> {
    for (let index = 0; index < Math.max(this.layers.length, this.states.length); index++) {
      const [key = null, value = null] = this.layers[index]?.kept ?? [];
      const { conv = null, recurrent = null } = this.states[index] ?? {};
      for (const [name, tensor] of Object.entries({ key, value, conv, recurrent }))
        if (tensor !== null) yield [`${index}.${name}`, tensor];
    }
  }

  /** Adds tokens to layer `layer_idx`. Throws RangeError for a layer without a cache of its own. */
  update(key_states: Tensor, value_states: Tensor, layer_idx: number): KeyValue {
    const layer = this.layers[layer_idx];
    if (!layer) throw new RangeError(`layer ${layer_idx} shares the keys of another layer and has no cache`);
    return layer.update(key_states, value_states);
  }

  /**
   * The range of the first sliding layer, or of the first full layer; of the first layer of any kind when there is no
   * such one.
   */
  get_mask_sizes(query_length: number, kind: "full" | "sliding"): KeyRange {
    const present = this.layers.filter((layer) => layer !== null);
    const fitting = present.find((layer) => layer instanceof SlidingWindowCacheLayer === (kind === "sliding"));
    const layer = fitting ?? present[0];
    return layer?.get_mask_sizes(query_length) ?? { kv_length: query_length, kv_offset: 0 };
  }
}
