import type { KeyValue } from "../layers/kv_cache.ts";
import { swapMiddle } from "../tensor/layout.ts";
import type { BuiltModel } from "../fault.ts";
import { attention, change, layers, mapElements } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "kv-sharing";

/** Layer `n`, which shares keys, reads those that layer `source` read in the same forward. */
function shareFrom(model: BuiltModel, n: number, source: number): void {
  let read: KeyValue | null = null;
  change(attention(model, source).attention, "forward", (right) => (query, key, value, mask) => {
    read = [key, value];
    return right(query, key, value, mask);
  });
  change(
    attention(model, n).attention,
    "forward",
    (right) => (query, _key, _value, mask) => right(query, ...read!, mask),
  );
}

export const sharedFromWrongLayer: PlantedFault = {
  id: "mvlm-gemma4-kvshared-cache",
  title: "a sliding layer shares the keys of the second sliding layer in place of the last one with keys",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.6.self_attn#k_rope`,
  model: (model) => shareFrom(model, 6, 1),
};

export const sharedFromFirstFull: PlantedFault = {
  id: "kv-shared-from-first-full-layer",
  title: "a full layer shares the keys of the first full layer in place of the last one with keys",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.8.self_attn#k_rope`,
  model: (model) => shareFrom(model, 8, 2),
};

export const ownKeys: PlantedFault = {
  id: "vllm-kvshared-params",
  title: "a layer with shared keys projects keys of its own from its hidden states",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.self_attn#k_rope`,
  model(model) {
    const [own, source] = [attention(model, 7), attention(model, 4)];
    let projected: KeyValue | null = null;
    change(own, "query_states", (right) => (hidden_states, tables) => {
      const states = own.split_heads(source.k_proj!.forward(hidden_states));
      const key = own.apply_rotary_pos_emb(source.k_norm!.forward(states), ...tables);
      projected = [swapMiddle(key), swapMiddle(source.v_norm!.forward(states))];
      return right(hidden_states, tables);
    });
    change(own.attention, "forward", (right) => (query, _key, _value, mask) => right(query, ...projected!, mask));
  },
};

export const sharedAfterEviction: PlantedFault = {
  id: "kv-shared-from-evicted-cache",
  title: "a layer with shared keys reads the cache, from which tokens outside the last window are already gone",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.self_attn#k_rope`,
  model(model) {
    change(attention(model, 5).attention, "forward", (right) => (query, key, value, mask) => {
      const [tokens, dim] = [key.size(2), key.size(3)];
      const kept = (x: number, index: number): number => (Math.floor(index / dim) % tokens >= tokens - 7 ? x : 0);
      return right(query, mapElements(key, kept), mapElements(value, kept), mask);
    });
  },
};

export const keysAsValues: PlantedFault = {
  id: "kv-shared-keys-as-values",
  title: "a layer with shared keys takes them for the values too",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.7.self_attn#value`,
  model(model) {
    change(
      attention(model, 7).attention,
      "forward",
      (right) => (query, key, _value, mask) => right(query, key, key, mask),
    );
  },
};

export const sharedRotatedAgain: PlantedFault = {
  id: "kv-shared-rotated-again",
  title: "shared keys rotated again by the layer that reads them",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn#k_rope`,
  model(model) {
    const own = attention(model, 6);
    let rotate = swapMiddle;
    change(own, "query_states", (right) => (hidden_states, [cos, sin]) => {
      rotate = (key) => swapMiddle(own.apply_rotary_pos_emb(swapMiddle(key), cos, sin));
      return right(hidden_states, [cos, sin]);
    });
    change(own.attention, "forward", (right) => (query, key, value, mask) => right(query, rotate(key), value, mask));
  },
};
