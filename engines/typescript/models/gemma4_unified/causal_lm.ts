/**
 * gemma4_unified as a text-only language model, read beside transformers 5.24.0,
 * `models/gemma4_unified/modeling_gemma4_unified.py`.
 */
import type { CausalModelInputs, MaskRequest } from "../../layers/causal_model.ts";
import { CausalModel } from "../../layers/causal_model.ts";
import { kv_sharing_modes } from "../../layers/kv_sharing_config.ts";
import { CacheLayer, KVCache, SlidingWindowCacheLayer } from "../../layers/kv_cache.ts";
import type { AttentionMasks } from "../../layers/masks.ts";
import { MaskBuilder } from "../../layers/masks.ts";
import type { Scope } from "../../layers/scope.ts";
import { softcap } from "../../tensor/elementwise.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import type { Gemma4UnifiedTextConfig } from "./config.ts";
import { Gemma4UnifiedTextModel } from "./text.ts";

/** The config of a root: that of the language model, or of a whole model with it inside. */
type RootConfig = Gemma4UnifiedTextConfig | { readonly text_config: Gemma4UnifiedTextConfig };

/** A root of either kind: caches, masks and logits. */
export abstract class Gemma4UnifiedCausalModel<C extends RootConfig = RootConfig> extends CausalModel<C> {
  masks: MaskBuilder;
  final_logit_softcapping: number | null;

  constructor(at: Scope, config: C) {
    super(at, config);
    const { sliding_window, is_causal, final_logit_softcapping } = this.text_config;
    this.masks = new MaskBuilder({ sliding_window, is_causal, shapesOnly: at.context.shapesOnly });
    this.final_logit_softcapping = final_logit_softcapping;
  }

  get text_config(): Gemma4UnifiedTextConfig {
    const config: RootConfig = this.config;
    return "text_config" in config ? config.text_config : config;
  }

  create_cache(): KVCache {
    const config = this.text_config;
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
export class Gemma4UnifiedForCausalLM extends Gemma4UnifiedCausalModel<Gemma4UnifiedTextConfig> {
  readonly modalities = [];
  model = this.at.module("model", Gemma4UnifiedTextModel);
  lm_head = this.at.linear("lm_head", "hidden_size", "vocab_size", {
    bias: false,
    tied: this.config.tie_word_embeddings ? { weight: "model.embed_tokens.weight" } : null,
  });

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    return this.softcap_logits(this.lm_head.call(this.model.call(input_ids, inputs))); // [B, S, vocab_size]
  }
}
