/** The frame of a model whose decoder reads an encoder's output: the cache of both attentions, and the root. */
import type { Tensor } from "../tensor/tensor.ts";
import { CausalModel } from "./causal_model.ts";
import type { KeyValue } from "./kv_cache.ts";
import { CacheLayer, KVCache } from "./kv_cache.ts";
import type { MaskRequest } from "./causal_model.ts";
import type { AttentionMasks } from "./masks.ts";
import { MaskBuilder } from "./masks.ts";
import type { Scope } from "./scope.ts";

/**
 * The cache of a decoder: keys and values of its own tokens, which grow, and those made of the encoder's output, which
 * are made in the first forward and read in all others. Source: transformers 5.24.0, `cache_utils.py`,
 * `EncoderDecoderCache`.
 */
export class EncoderDecoderCache extends KVCache {
  /** The cache of each layer for the encoder's output; it keeps null before the first forward. */
  readonly cross: CacheLayer[];

  constructor(layers: number) {
    const make = () => Array.from({ length: layers }, () => new CacheLayer());
    super(make());
    this.cross = make();
  }

  override *tensors(): Generator<[name: string, tensor: Tensor]> {
    const cross = this.cross.map(({ kept }) => kept);
    for (const [name, tensor] of super.tensors()) {
      yield [name, tensor];
      const [index = "", what] = name.split(".");
      const states = cross[Number(index)];
      if (what !== "value" || !states) continue;
      yield [`${index}.cross_key`, states[0]];
      yield [`${index}.cross_value`, states[1]];
    }
  }
}

/**
 * Keys and values [B, kv_heads, T, D] of the encoder's output for layer `layer_idx`: those of the cache, or what `make`
 * gives, which it then keeps.
 */
export function cross_attention_states(cache: KVCache | null, layer_idx: number, make: () => KeyValue): KeyValue {
  const layer = cache instanceof EncoderDecoderCache ? cache.cross[layer_idx]! : null;
  if (layer === null) return make();
  return layer.kept ?? layer.update(...make());
}

/**
 * The root of an encoder-decoder: the tokens are its decoder's, what the encoder reads comes with the modality tensors.
 */
export abstract class EncoderDecoderRootModel<C extends { readonly decoder_layers: number }> extends CausalModel<C> {
  masks = new MaskBuilder({ sliding_window: Infinity, is_causal: true, shapesOnly: this.context.shapesOnly });
  decoder_layers: number;

  constructor(at: Scope, config: C) {
    super(at, config);
    this.decoder_layers = this.config.decoder_layers;
  }

  create_cache(): KVCache {
    return new EncoderDecoderCache(this.decoder_layers);
  }

  /** The masks of the decoder's own attention. */
  create_masks_for_generate(request: MaskRequest): AttentionMasks {
    const full_attention = this.masks.create_causal_mask(request);
    return { full_attention, sliding_attention: full_attention };
  }
}
