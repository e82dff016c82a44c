import type { CacheLayer, KeyValue } from "../layers/kv_cache.ts";
import { SlidingWindowCacheLayer } from "../layers/kv_cache.ts";
import { concat, reshape, slice, swapMiddle } from "../tensor/layout.ts";
import type { BuiltModel } from "../fault.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { attention, change, changeCache, layers, mapElements, pick } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "kv-cache";

/** Changes the cache of layer `n`. */
function changeLayer(model: BuiltModel, n: number, faulty: (cached: CacheLayer) => void): void {
  changeCache(model, ({ layers: all }) => faulty(all[n]!));
}

/** Changes what the cache of layer `n` holds after a forward. */
function changeKept(model: BuiltModel, n: number, faulty: (kept: KeyValue) => KeyValue): void {
  changeLayer(model, n, (cached) => change(cached, "keep", (right) => (full) => faulty(right(full))));
}

/** Changes how layer `n` reads the tokens of earlier forwards, `seen` of them; what is stored stays right. */
function changeRead(model: BuiltModel, n: number, faulty: (old: Tensor, seen: number) => Tensor): void {
  changeLayer(model, n, (cached) =>
    change(cached, "update", (right) => (key_states, value_states) => {
      const seen = cached.cumulative_length;
      const misread = (full: Tensor): Tensor => {
        const old = full.size(2) - key_states.size(2);
        return concat([faulty(slice(full, 2, 0, old), seen), slice(full, 2, old, full.size(2))], 2);
      };
      const [key, value] = right(key_states, value_states);
      return [misread(key), misread(value)];
    }),
  );
}

/** Tokens of [B, kv_heads, T, D] turned: place `t` gets token `(t + by) % T`. */
function roll(states: Tensor, by: number): Tensor {
  const [tokens, dim] = [states.size(2), states.size(3)];
  const row = (index: number): number => Math.floor(index / dim);
  return pick(states, (index) => {
    const token = row(index) % tokens;
    return index + (((token + by) % tokens) - token) * dim;
  });
}

/** Gives the caches of all sliding layers another window; masks follow what the caches keep. */
function keepTokens(model: BuiltModel, window: number): void {
  changeCache(model, (cache) => {
    for (const cached of cache.layers) if (cached instanceof SlidingWindowCacheLayer) cached.sliding_window = window;
  });
}

export const evictedTooEarly: PlantedFault = {
  id: "hf-swa-cache-at-window",
  title: "sliding layers evict a token one step too early",
  category,
  case: "gemma4_unified/decode",
  at: "cache.0.key",
  phase: "decode:1",
  model: (model) => keepTokens(model, 7),
};

export const evictedTooLate: PlantedFault = {
  id: "cache-keeps-one-too-many",
  title: "sliding layers keep one token more than a later query can read",
  category,
  case: "gemma4_unified/decode",
  at: "cache.0.key",
  phase: "decode:2",
  model: (model) => keepTokens(model, 9),
};

export const trimmedByAllocation: PlantedFault = {
  id: "mlx-llama4-chunk-trim",
  title: "sliding layers trimmed to whole allocation steps of 4 tokens in place of the tokens written",
  category,
  case: "gemma4_unified/decode",
  at: "cache.0.key",
  model(model) {
    changeCache(model, (cache) => {
      for (const cached of cache.layers)
        if (cached instanceof SlidingWindowCacheLayer)
          change(cached, "keep", (right) => (full) => {
            const [key, value] = right(full);
            const [length, start] = [key.size(2), key.size(2) % 4];
            return [slice(key, 2, start, length), slice(value, 2, start, length)];
          });
    });
  },
};

export const decodeNotStored: PlantedFault = {
  id: "candle-mpt-cache-after-repeat",
  title: "decode steps read the cache but do not append to it",
  category,
  case: "gemma4_unified/decode",
  at: "cache.0.key",
  phase: "decode:1",
  model(model) {
    changeCache(model, (cache) => {
      for (const cached of cache.layers)
        if (cached) change(cached, "keep", (right) => (full) => cached.kept ?? right(full));
    });
  },
};

export const zerosStored: PlantedFault = {
  id: "mlx-dsv32-indexer-zero-k",
  title: "a full layer's cache filled with zeros in place of the values",
  category,
  case: "gemma4_unified/chunked",
  at: "cache.4.value",
  model(model) {
    changeKept(model, 4, ([key, value]) => [key, mapElements(value, () => 0)]);
  },
};

export const storedUnrotated: PlantedFault = {
  id: "cache-stores-k-before-rope",
  title: "keys stored before they are rotated and never rotated when read",
  category,
  case: "gemma4_unified/decode",
  at: "cache.4.key",
  model(model) {
    let unrotated: Tensor | null = null;
    change(attention(model, 4), "apply_rotary_pos_emb", (right) => (x, cos, sin) => {
      unrotated = swapMiddle(x); // keys come after queries
      return right(x, cos, sin);
    });
    changeKept(model, 4, ([key, value]) => {
      const [total, added] = [key.size(2), unrotated!.size(2)];
      return [concat([slice(key, 2, 0, total - added), unrotated!], 2), value];
    });
  },
};

export const ringOrderStored: PlantedFault = {
  id: "aws-keysvalues-partial-write",
  title: "a sliding layer's tokens kept in the order of a ring buffer where the mask assumes that of time",
  category,
  case: "gemma4_unified/chunked",
  at: "cache.3.key",
  phase: "chunk:1",
  model(model) {
    changeLayer(model, 3, (cached) =>
      change(cached, "keep", (right) => (full) => {
        const [key, value] = right(full);
        const turn = cached.cumulative_length > 7 ? 7 - (cached.cumulative_length % 7) : 0;
        return [roll(key, turn), roll(value, turn)];
      }),
    );
  },
};

export const ringOrderRead: PlantedFault = {
  id: "mlxvlm-prefix-ring-slice",
  title: "a later chunk reads a sliding layer's tokens in the order of the ring buffer",
  category,
  case: "gemma4_unified/chunked",
  at: `${layers}.1.self_attn#scores`,
  phase: "chunk:2",
  model: (model) => changeRead(model, 1, (old, seen) => roll(old, seen % 7)),
};

export const ringIndexStale: PlantedFault = {
  id: "mlx-rotating-idx",
  title: "the ring index not at the oldest token: a newer one is overwritten",
  category,
  case: "gemma4_unified/decode",
  at: "cache.3.key",
  phase: "decode:2",
  model(model) {
    changeLayer(model, 3, (cached) => {
      cached.keep = (full) =>
        full.map((states) => {
          const length = states.size(2);
          return length <= 7 ? states : concat([slice(states, 2, 0, 1), slice(states, 2, 2, length)], 2);
        }) as [Tensor, Tensor];
    });
  },
};

export const layoutSwapped: PlantedFault = {
  id: "trtllm-kv-layout-transfer",
  title: "cached tokens read as [B, T, kv_heads, D] where they are [B, kv_heads, T, D]",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.1.self_attn#scores`,
  phase: "decode:1",
  model(model) {
    changeRead(model, 1, (old) => {
      const [batch, heads, tokens, dim] = old.shape as [number, number, number, number];
      return swapMiddle(reshape(old, [batch, tokens, heads, dim]));
    });
  },
};

export const firstSequenceForAll: PlantedFault = {
  id: "cache-row-of-first-sequence",
  title: "every sequence of a batch stores the keys of the first",
  category,
  case: "gemma4_unified/causal_lm",
  at: "cache.2.key",
  phase: "chunk:1",
  model(model) {
    changeKept(model, 2, ([key, value]) => {
      const row = key.size(1) * key.size(2) * key.size(3);
      return [pick(key, (index) => index % row), value];
    });
  },
};

export const keysAndValuesSwapped: PlantedFault = {
  id: "cache-k-v-swapped",
  title: "keys and values exchanged when they are stored",
  category,
  case: "gemma4_unified/decode",
  at: "cache.2.key",
  model(model) {
    changeKept(model, 2, ([key, value]) => [value, key]);
  },
};

export const valuesOneTokenLate: PlantedFault = {
  id: "cache-values-one-slot-late",
  title: "values stored one slot behind their keys",
  category,
  case: "gemma4_unified/left_padded",
  at: "cache.1.value",
  model(model) {
    changeKept(model, 1, ([key, value]) => [key, roll(value, value.size(2) - 1)]);
  },
};

export const oldTokensForgotten: PlantedFault = {
  id: "cache-cleared-between-chunks",
  title: "a full layer reads zeros in place of the chunks before",
  category,
  case: "gemma4_unified/chunked",
  at: `${layers}.4.self_attn#scores`,
  phase: "chunk:1",
  model: (model) => changeRead(model, 4, (old) => mapElements(old, () => 0)),
};
