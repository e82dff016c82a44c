/**
 * gemma4_unified as a text-only language model, read beside transformers 5.24.0, `models/gemma4_unified/modeling_gemma4_unified.py`.
 */
import type { CausalModelInputs, MaskRequest } from "../layers/causal_model.ts";
import { CausalModel } from "../layers/causal_model.ts";
import { CacheLayer, KVCache, SlidingWindowCacheLayer } from "../layers/kv_cache.ts";
import { Linear } from "../layers/linear.ts";
import type { AttentionMasks } from "../layers/masks.ts";
import { MaskBuilder } from "../layers/masks.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { softcap } from "../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { Gemma4UnifiedTextConfig } from "./gemma4_unified.config.ts";
import { kv_sharing_modes } from "../layers/kv_sharing_config.ts";
import { Gemma4UnifiedTextModel } from "./gemma4_unified_text.ts";

/** What both roots do: caches, masks and logits. */
export abstract class Gemma4UnifiedCausalModel extends CausalModel {
  masks: MaskBuilder;
  final_logit_softcapping: number | null;
  readonly #text_config: Gemma4UnifiedTextConfig;

  constructor(text_config: Gemma4UnifiedTextConfig, at: Scope) {
    super(at);
    const config = at.read(text_config);
    this.#text_config = config;
    const { sliding_window, is_causal } = config;
    this.masks = new MaskBuilder({ sliding_window, is_causal, shapesOnly: at.context.shapesOnly });
    this.final_logit_softcapping = config.final_logit_softcapping;
  }

  create_cache(): KVCache {
    const config = this.#text_config;
    const modes = kv_sharing_modes(config);
    return new KVCache(
      config.layer_types.map((layer_type, i) => {
        if (modes[i] === "reuse") return null;
        return layer_type === "sliding_attention"
          ? new SlidingWindowCacheLayer(config.sliding_window)
          : new CacheLayer();
      }),
    );
  }

  create_masks_for_generate(request: MaskRequest): AttentionMasks {
    return {
      full_attention: this.masks.create_causal_mask(request),
      sliding_attention: this.masks.create_sliding_window_causal_mask(request),
    };
  }

  softcap_logits(logits: Tensor): Tensor {
    return this.final_logit_softcapping === null ? logits : softcap(logits, this.final_logit_softcapping);
  }
}

/** The text-only model: input_ids [B, S] -> logits [B, S, vocab_size]. */
export class Gemma4UnifiedForCausalLM extends Gemma4UnifiedCausalModel {
  readonly modalities = [];
  model: Gemma4UnifiedTextModel;
  lm_head: Linear;

  constructor(config: Gemma4UnifiedTextConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    this.model = new Gemma4UnifiedTextModel(config, at.child("model"));
    const { weight } = this.model.embed_tokens;
    const tied = config.tie_word_embeddings ? { tied: { name: "model.embed_tokens.weight", weight } } : {};
    const [hidden, vocabulary] = [size(config, "hidden_size"), size(config, "vocab_size")];
    this.lm_head = new Linear(at.child("lm_head"), { in: hidden, out: vocabulary, bias: false, ...tied });
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    return this.softcap_logits(this.lm_head.call(this.model.call(input_ids, null, inputs))); // [B, S, vocab_size]
  }
}
