/** Faults of mistral ports. */
import { SlidingWindowCacheLayer } from "../layers/kv_cache.ts";
import { causalModel, changeCache, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "mistral";

export const siluAssumed: PlantedFault = {
  id: "mistral-activation-hard-coded",
  title: "silu in the gated MLP, whatever hidden_act says",
  category,
  case: "mistral/chunked",
  at: `${textOnlyLayers}.0.mlp.act_fn:out`,
  config: (config) => ({ ...config, hidden_act: "silu" }),
};

export const windowOneWider: PlantedFault = {
  id: "mistral-window-one-wider",
  title: "the window counts the tokens before the query, without itself",
  category,
  case: "mistral/chunked",
  at: `${textOnlyLayers}.0.self_attn#mask`,
  model(model) {
    const { masks } = causalModel(model);
    masks.sliding_window_overlay = (_b, q, k) => k >= q - masks.sliding_window;
  },
};

export const cacheOneLonger: PlantedFault = {
  id: "mistral-cache-keeps-window",
  title: "the cache keeps as many tokens as the window has, one more than a later query can read",
  category,
  case: "mistral/chunked",
  at: "cache.0.key",
  model(model) {
    changeCache(model, ({ layers }) => {
      for (const layer of layers) if (layer instanceof SlidingWindowCacheLayer) layer.sliding_window += 1;
    });
  },
};

export const causes = {
  "mistral-activation-hard-coded": "/silu",
  "mistral-window-one-wider": "mask/window",
  "mistral-cache-keeps-window": "size/slice from",
};
