/**
 * gemma4_text, read beside transformers 5.24.0, `models/gemma4/modeling_gemma4.py`: the language model and its root;
 * `layers.ts` holds the layers.
 */
import type { CausalModelInputs } from "../../layers/causal_model.ts";
import { ConfiguredModule } from "../../layers/configured_module.ts";
import { DecoderForCausalLM } from "../../layers/decoder.ts";
import type { KVCache, KeyValue } from "../../layers/kv_cache.ts";
import { kv_sharing_modes } from "../../layers/kv_sharing_config.ts";
import type { Linear } from "../../layers/linear.ts";
import { ScaledEmbedding } from "../../layers/linear.ts";
import { add, scale, softcap } from "../../tensor/elementwise.ts";
import { reshape, slice } from "../../tensor/layout.ts";
import { scratch } from "../../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import type { Gemma4TextConfig } from "./config.ts";
import { Gemma4RMSNorm, Gemma4TextDecoderLayer, Gemma4TextRotaryEmbedding } from "./layers.ts";

export class Gemma4TextScaledWordEmbedding extends ScaledEmbedding {}

/** The children that make the inputs of single layers from tokens and their embeddings. */
interface PerLayerEmbeddings {
  readonly embed_tokens_per_layer: Gemma4TextScaledWordEmbedding;
  readonly per_layer_model_projection: Linear;
  readonly per_layer_projection_norm: Gemma4RMSNorm;
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class Gemma4TextModel extends ConfiguredModule<Gemma4TextConfig> {
  layer_types = this.config.layer_types;
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size", { as: Gemma4TextScaledWordEmbedding });
  layers = this.at.list("layers", Gemma4TextDecoderLayer, "num_hidden_layers");
  norm = this.at.norm("norm", Gemma4RMSNorm, "hidden_size");
  rotary_emb = this.at.module("rotary_emb", Gemma4TextRotaryEmbedding);
  per_layer = this.config.hidden_size_per_layer_input > 0 ? this.per_layer_children() : null;
  per_layer_input_scale = 2 ** -0.5;
  per_layer_model_projection_scale = this.config.hidden_size ** -0.5;

  per_layer_children(): PerLayerEmbeddings {
    const packed = this.at.size(["num_hidden_layers", "hidden_size_per_layer_input"]);
    const embed_tokens_per_layer = this.at.embedding("embed_tokens_per_layer", "vocab_size_per_layer_input", packed, {
      as: Gemma4TextScaledWordEmbedding,
    });
    embed_tokens_per_layer.embed_scale = Math.fround(this.config.hidden_size_per_layer_input ** 0.5);
    return {
      embed_tokens_per_layer,
      per_layer_model_projection: this.at.linear("per_layer_model_projection", "hidden_size", packed, { bias: false }),
      per_layer_projection_norm: this.at.norm(
        "per_layer_projection_norm",
        Gemma4RMSNorm,
        "hidden_size_per_layer_input",
      ),
    };
  }

  forward(input_ids: IndexTensor, { position_ids, attention_masks, cache }: CausalModelInputs): Tensor {
    let hidden_states = this.embed_tokens.call(input_ids); // [B, S, hidden_size]
    const per_layer_inputs =
      this.per_layer === null
        ? null
        : this.project_per_layer_inputs(
            hidden_states,
            this.get_per_layer_inputs(input_ids, this.per_layer),
            this.per_layer,
          );
    const position_embeddings = this.rotary_emb.tables(hidden_states, position_ids, this.layer_types);
    const shared_kv_states = new Map<string, KeyValue>();
    for (const [i, decoder_layer] of this.layers.elements.entries()) {
      const layer_type = this.layer_types[i]!;
      const inputs = {
        per_layer_input: per_layer_inputs && this.per_layer_input(per_layer_inputs, i),
        position_embeddings: position_embeddings(layer_type),
        attention_mask: attention_masks[layer_type],
        shared_kv_states,
        cache,
      };
      const states = hidden_states;
      hidden_states = scratch(() => decoder_layer.call(states, inputs));
    }
    return this.norm.call(hidden_states);
  }

  /** The share of each layer in the embeddings of tokens: [B, S, layers, D]. */
  get_per_layer_inputs(input_ids: IndexTensor, { embed_tokens_per_layer }: PerLayerEmbeddings): Tensor {
    return this.split_layers(embed_tokens_per_layer.call(input_ids));
  }

  /** The input of each layer, made of both: [B, S, layers, D]. */
  project_per_layer_inputs(inputs_embeds: Tensor, per_layer_inputs: Tensor, at: PerLayerEmbeddings): Tensor {
    let per_layer_projection = at.per_layer_model_projection.call(inputs_embeds); // [B, S, layers * D]
    per_layer_projection = scale(per_layer_projection, this.per_layer_model_projection_scale);
    per_layer_projection = at.per_layer_projection_norm.call(this.split_layers(per_layer_projection));
    return scale(add(per_layer_projection, per_layer_inputs), this.per_layer_input_scale);
  }

  /** [B, S, layers * D] -> [B, S, layers, D]. */
  split_layers(packed: Tensor): Tensor {
    return reshape(packed, [...packed.shape.slice(0, 2), this.layers.elements.length, -1]);
  }

  /** The input of layer `i` [B, S, D]. */
  per_layer_input(per_layer_inputs: Tensor, i: number): Tensor {
    return reshape(slice(per_layer_inputs, 2, i, i + 1), [...per_layer_inputs.shape.slice(0, 2), -1]);
  }
}

export class Gemma4ForCausalLM extends DecoderForCausalLM<Gemma4TextConfig> {
  model = this.at.module("model", Gemma4TextModel);
  lm_head = this.head("model.embed_tokens.weight");
  final_logit_softcapping = this.config.final_logit_softcapping;
  kv_sharing_modes = kv_sharing_modes(this.config);

  override create_cache(): KVCache {
    const cache = super.create_cache();
    for (const [i, mode] of this.kv_sharing_modes.entries()) if (mode === "reuse") cache.layers[i] = null;
    return cache;
  }

  override logits(logits: Tensor): Tensor {
    return this.final_logit_softcapping === null ? logits : softcap(logits, this.final_logit_softcapping);
  }
}
