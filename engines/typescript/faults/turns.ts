import type { CacheLayer } from "../layers/kv_cache.ts";
import { SlidingWindowCacheLayer } from "../layers/kv_cache.ts";
import { slice } from "../tensor/layout.ts";
import { indexTensor } from "../tensor/tensor.ts";
import type { BuiltModel } from "../fault.ts";
import { causalModel, change, changeCache, layers, maskOfLayer } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "turns";

/** Changes each layer's cache; `afterDecode` tells whether the forward before had one token and continued the cache. */
function changeLayers(model: BuiltModel, faulty: (cached: CacheLayer, afterDecode: () => boolean) => void): void {
  changeCache(model, (cache) => {
    for (const cached of cache.layers) {
      if (cached === null) continue;
      let [before, latest] = [false, false];
      faulty(cached, () => before);
      change(cached, "update", (right) => (key_states, value_states) => {
        before = latest;
        latest = key_states.size(2) === 1 && cached.kept !== null;
        return right(key_states, value_states);
      });
    }
  });
}

export const prefixNotCopied: PlantedFault = {
  id: "prefix-cache-shared-not-copied",
  title: "a request that reuses a prefix goes on in the cache of the request before, with all its later tokens",
  category,
  case: "gemma4_unified/turns",
  at: `${layers}.0.self_attn#scores`,
  phase: "reuse:1",
  model(model) {
    changeCache(model, (cache) => {
      cache.restore = () => {};
    });
  },
};

export const slidingPrefixStale: PlantedFault = {
  id: "hybrid-prefix-window-stale",
  title: "a prefix hit restores the full layers; sliding layers keep the window of the request before",
  category,
  case: "gemma4_unified/turns",
  at: `${layers}.0.self_attn#scores`,
  phase: "reuse:1",
  model(model) {
    changeCache(model, (cache) => {
      change(cache, "restore", (right) => (saved) => {
        const windows = cache.layers.map((layer) => (layer instanceof SlidingWindowCacheLayer ? layer.kept : null));
        right(saved);
        windows.forEach((window, index) => {
          if (window !== null) cache.layers[index]!.kept = window;
        });
      });
    });
  },
};

export const reusePositionsRestart: PlantedFault = {
  id: "prefix-reuse-positions-restart",
  title: "the tokens behind a reused prefix rotate from position 0",
  category,
  case: "gemma4_unified/turns",
  at: "model.language_model.rotary_emb:out@full_attention",
  phase: "reuse:1",
  model(model) {
    let reused = false;
    changeCache(model, (cache) => {
      change(cache, "restore", (right) => (saved) => {
        reused = true;
        right(saved);
      });
    });
    change(causalModel(model), "forward", (right) => (input_ids, inputs) => {
      const { shape, data } = inputs.position_ids;
      const start = reused ? (inputs.cache?.seq_length ?? 0) : 0;
      const positions = data.map((position) => Math.max(position - start, 0));
      reused = false;
      return right(input_ids, { ...inputs, position_ids: indexTensor(shape, positions) });
    });
  },
};

export const turnTruncated: PlantedFault = {
  id: "second-turn-window-truncated",
  title: "at a second turn sliding layers keep the new tokens alone, though they fill less than the window",
  category,
  case: "gemma4_unified/turns",
  at: "cache.0.key",
  phase: "turn:2",
  model(model) {
    changeLayers(model, (cached, afterDecode) => {
      if (!(cached instanceof SlidingWindowCacheLayer)) return;
      let added = 0;
      change(cached, "update", (right) => (key_states, value_states) => {
        added = key_states.size(2);
        return right(key_states, value_states);
      });
      change(cached, "keep", (right) => (full) => {
        const [key, value] = right(full);
        const length = key.size(2);
        const start = afterDecode() && added > 1 ? Math.max(length - added, 0) : 0;
        return [slice(key, 2, start, length), slice(value, 2, start, length)];
      });
    });
  },
};

export const turnMaskedAsFirst: PlantedFault = {
  id: "second-turn-mask-as-prefill",
  title: "a second turn's causal mask is aligned with the first key, as if the cache were empty",
  category,
  case: "gemma4_unified/turns",
  at: `${layers}.4.self_attn#mask`,
  phase: "turn:2",
  model(model) {
    let afterDecode = false;
    maskOfLayer(model, 4, (masks, request) => {
      const start = request.cache?.seq_length ?? 0;
      const shift = afterDecode && request.q_length > 1 ? start : 0;
      afterDecode = start > 0 && request.q_length === 1;
      return masks.create_mask(request, "full", (_, q, k) => k <= q - shift);
    });
  },
};
