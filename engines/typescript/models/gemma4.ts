/** gemma4_text, read beside transformers 5.24.0, `models/gemma4/modeling_gemma4.py`: the language model and its root; `gemma4_layers.ts` holds the layers. */
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { DecoderForCausalLM } from "../layers/decoder.ts";
import type { KVCache, KeyValue } from "../layers/kv_cache.ts";
import { kv_sharing_modes } from "../layers/kv_sharing_config.ts";
import { Linear, ScaledEmbedding } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, scale, softcap } from "../tensor/elementwise.ts";
import { reshape, slice } from "../tensor/layout.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { Gemma4TextConfig } from "./gemma4.config.ts";
import { Gemma4RMSNorm, Gemma4TextDecoderLayer, Gemma4TextRotaryEmbedding } from "./gemma4_layers.ts";

export class Gemma4TextScaledWordEmbedding extends ScaledEmbedding {}

/** What makes the inputs of single layers from tokens and their embeddings. */
interface PerLayerEmbeddings {
  readonly embed_tokens_per_layer: Gemma4TextScaledWordEmbedding;
  readonly per_layer_model_projection: Linear;
  readonly per_layer_projection_norm: Gemma4RMSNorm;
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class Gemma4TextModel extends Module {
  layer_types: readonly ("sliding_attention" | "full_attention")[];
  embed_tokens: Gemma4TextScaledWordEmbedding;
  layers: ModuleList<Gemma4TextDecoderLayer>;
  norm: Gemma4RMSNorm;
  rotary_emb: Gemma4TextRotaryEmbedding;
  per_layer: PerLayerEmbeddings | null = null;
  per_layer_input_scale = 2 ** -0.5;
  per_layer_model_projection_scale: number;

  constructor(config: Gemma4TextConfig, at: Scope) {
    super(at);
    config = at.read(config);
    this.layer_types = config.layer_types;
    this.per_layer_model_projection_scale = config.hidden_size ** -0.5;
    const [vocabulary, hidden, eps] = [size(config, "vocab_size"), size(config, "hidden_size"), config.rms_norm_eps];
    const embedding = { num_embeddings: vocabulary, embedding_dim: hidden };
    this.embed_tokens = new Gemma4TextScaledWordEmbedding(at.child("embed_tokens"), embedding);
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new Gemma4TextDecoderLayer(config, layer_idx, at),
    );
    this.norm = new Gemma4RMSNorm(at.child("norm"), { dim: hidden, eps, with_scale: true });
    this.rotary_emb = new Gemma4TextRotaryEmbedding(config, at.child("rotary_emb"));
    if (config.hidden_size_per_layer_input === 0) return;
    const packed = size(config, "num_hidden_layers", "hidden_size_per_layer_input");
    const per_layer = { num_embeddings: size(config, "vocab_size_per_layer_input"), embedding_dim: packed };
    const dim = size(config, "hidden_size_per_layer_input");
    const embed_tokens_per_layer = new Gemma4TextScaledWordEmbedding(at.child("embed_tokens_per_layer"), per_layer);
    embed_tokens_per_layer.embed_scale = Math.fround(dim.value ** 0.5);
    this.per_layer = {
      embed_tokens_per_layer,
      per_layer_model_projection: new Linear(at.child("per_layer_model_projection"), {
        in: hidden,
        out: packed,
        bias: false,
      }),
      per_layer_projection_norm: new Gemma4RMSNorm(at.child("per_layer_projection_norm"), {
        dim,
        eps,
        with_scale: true,
      }),
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
    const position_embeddings: Record<string, PositionEmbeddings> = {};
    for (const layer_type of new Set(this.layer_types))
      position_embeddings[layer_type] = this.rotary_emb.call(hidden_states, position_ids, layer_type);
    const shared_kv_states = new Map<string, KeyValue>();
    for (const [i, decoder_layer] of this.layers.elements.entries()) {
      const layer_type = this.layer_types[i]!;
      const inputs = {
        per_layer_input: per_layer_inputs && this.per_layer_input(per_layer_inputs, i),
        position_embeddings: position_embeddings[layer_type]!,
        attention_mask: attention_masks[layer_type],
        shared_kv_states,
        cache,
      };
      const states = hidden_states;
      hidden_states = scratch(() => decoder_layer.call(states, inputs));
    }
    return this.norm.call(hidden_states);
  }

  /** What each layer gets of the tokens: [B, S, layers, D]. */
  get_per_layer_inputs(input_ids: IndexTensor, { embed_tokens_per_layer }: PerLayerEmbeddings): Tensor {
    return this.split_layers(embed_tokens_per_layer.call(input_ids));
  }

  /** What each layer gets of tokens and embeddings: [B, S, layers, D]. */
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

export class Gemma4ForCausalLM extends DecoderForCausalLM {
  model: Gemma4TextModel;
  lm_head: Linear;
  final_logit_softcapping: number | null;
  kv_sharing_modes: readonly ("store" | "reuse" | null)[];

  constructor(config: Gemma4TextConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    this.masks.is_causal = config.is_causal;
    this.kv_sharing_modes = kv_sharing_modes(config);
    this.final_logit_softcapping = config.final_logit_softcapping;
    this.model = new Gemma4TextModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }

  override create_cache(): KVCache {
    const cache = super.create_cache();
    for (const [i, mode] of this.kv_sharing_modes.entries()) if (mode === "reuse") cache.layers[i] = null;
    return cache;
  }

  override logits(logits: Tensor): Tensor {
    return this.final_logit_softcapping === null ? logits : softcap(logits, this.final_logit_softcapping);
  }
}
