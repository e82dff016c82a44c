import type { KvPlan } from "../../../harness/engine/specs.ts";
import { dtypeBytes } from "../../../harness/trace/dtypes.ts";
import { noModalities } from "../layers/causal_model.ts";
import type { CacheLayer } from "../layers/kv_cache.ts";
import { SlidingWindowCacheLayer } from "../layers/kv_cache.ts";
import { indexTensor } from "../tensor/tensor.ts";
import type { LoadedModel } from "./build.ts";
import { runPhase, startPhases } from "./phases.ts";

interface Kind {
  readonly kind: string;
  layers: number;
  readonly bytes_per_token: number;
  /** Tokens a layer keeps of the longest sequence. */
  readonly limit: number;
}

/**
 * Plans a KV cache of `budget_bytes` for one sequence, as a serving engine does at start-up: a dummy forward of
 * `max_length` tokens through the whole model, without data, then the sizes of the caches that it left. Layers that
 * share keys store nothing.
 * @throws ShapeError when the forward can't go on.
 */
export function planKvCache(model: LoadedModel, budget_bytes: number, max_length: number): KvPlan {
  const input_ids = indexTensor([1, max_length], new Int32Array(max_length));
  const attention_mask = indexTensor([1, max_length], new Int32Array(max_length).fill(1));
  const cache = model.root.create_cache();
  if (cache === null) return { budget_bytes, max_length, tokens: max_length, kinds: [] };
  const inputs = {
    input_ids,
    attention_mask,
    mm_token_type_ids: null,
    token_type_ids: null,
    modalities: noModalities,
  };
  const phase = { name: "prefill", start: 0, end: max_length, cache: true };
  runPhase(model.root, inputs, phase, { ...startPhases([phase]), cache });

  const kinds = new Map<string, Kind>();
  for (const layer of cache.layers) if (layer !== null) addLayer(kinds, layer);
  const bytesAt = (tokens: number) =>
    [...kinds.values()].reduce(
      (sum, kind) => sum + kind.layers * kind.bytes_per_token * Math.min(tokens, kind.limit),
      0,
    );
  const tokens = largest(max_length, (length) => bytesAt(length) <= budget_bytes);
  return {
    budget_bytes,
    max_length,
    tokens,
    kinds: [...kinds.values()].map(({ kind, layers, bytes_per_token, limit }) => {
      const tokens_kept = Math.min(tokens, limit);
      return { kind, layers, bytes_per_token, tokens_kept, bytes: layers * bytes_per_token * tokens_kept };
    }),
  };
}

function addLayer(kinds: Map<string, Kind>, layer: CacheLayer): void {
  const [{ shape, dtype }, value] = layer.kept!;
  const [, kv_heads, kept, head_dim] = shape as [number, number, number, number];
  const width = head_dim + value.size(3); // latent attention keeps two tensors of different width
  const type = layer instanceof SlidingWindowCacheLayer ? "sliding_attention" : "full_attention";
  const kind = `${type} ${kv_heads}x${head_dim}`;
  const known = kinds.get(kind);
  if (known) known.layers += 1;
  else kinds.set(kind, { kind, layers: 1, bytes_per_token: kv_heads * width * dtypeBytes[dtype], limit: kept });
}

/** The largest whole number in 0 .. max for which the monotonous `fits` holds. */
function largest(max: number, fits: (value: number) => boolean): number {
  let [low, high] = [0, max];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
