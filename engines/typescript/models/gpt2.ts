/** gpt2, read beside transformers 5.24.0, `models/gpt2/modeling_gpt2.py`: same classes, order and names. */
import { z } from "zod";
import type { AttentionInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { activation, alike, configSchema, count, tokenId, unread } from "../layers/config_schema.ts";
import { ConfiguredModule, LayerModule } from "../layers/configured_module.ts";
import { DecoderForCausalLM } from "../layers/decoder.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { add } from "../tensor/elementwise.ts";
import { slice } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `GPT2Config`, with its defaults; sizes also under the names of other models, as its `attribute_map` has them. */
export const GPT2Config = configSchema({
  model_type: z.literal("gpt2").default("gpt2"),
  vocab_size: count.default(50_257),
  n_positions: count.default(1024),
  n_ctx: count.optional(), // in old checkpoints; the reference does not read it
  n_embd: count.default(768),
  n_layer: count.default(12),
  n_head: count.default(12),
  n_inner: count.nullish(),
  activation_function: activation.default("gelu_new"),
  layer_norm_epsilon: z.number().default(1e-5),
  scale_attn_weights: z.boolean().default(true),
  pad_token_id: tokenId.default(null),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  reorder_and_upcast_attn: z.literal(false).default(false), // true is not implemented
  add_cross_attention: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(true),
  // Of other heads:
  ...unread("summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout"),
  ...unread("task_specific_params"),
}).transform((config) => ({
  ...config,
  max_position_embeddings: config.n_positions,
  hidden_size: config.n_embd,
  num_hidden_layers: config.n_layer,
  num_attention_heads: config.n_head,
  num_key_value_heads: config.n_head,
  head_dim: Math.floor(config.n_embd / config.n_head),
  layer_types: alike({ num_hidden_layers: config.n_layer }),
}));
export type GPT2Config = z.output<typeof GPT2Config>;

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GPT2Attention extends Attention<GPT2Config> {
  attention = this.core(AttentionCore, { scaling: this.score_scaling() });
  c_attn = this.at.conv1d("c_attn", "n_embd", [3, "n_embd"]);
  c_proj = this.at.conv1d("c_proj", "n_embd", "n_embd");
  attn_dropout = this.at.dropout("attn_dropout");
  resid_dropout = this.at.dropout("resid_dropout");

  score_scaling(): number {
    const { scale_attn_weights, scale_attn_by_inverse_layer_idx, head_dim } = this.config;
    const scaling = scale_attn_weights ? head_dim ** -0.5 : 1;
    return scale_attn_by_inverse_layer_idx ? scaling / (this.layer_idx + 1) : scaling;
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const states = this.split(this.c_attn.call(hidden_states)); // [B, S, heads, D] each
    const attn_output = this.c_proj.call(this.attend(states, inputs)); // [B, S, hidden_size]
    return this.resid_dropout.call(attn_output);
  }

  split(states: Tensor): [query: Tensor, key: Tensor, value: Tensor] {
    const width = states.size(2) / 3;
    const part = (n: number) => this.split_heads(slice(states, 2, n * width, (n + 1) * width));
    return [part(0), part(1), part(2)];
  }
}

export class GPT2MLP extends ConfiguredModule<GPT2Config> {
  intermediate_size = this.at.size(this.config.n_inner ? "n_inner" : [4, "n_embd"]);
  c_fc = this.at.conv1d("c_fc", "n_embd", this.intermediate_size);
  c_proj = this.at.conv1d("c_proj", this.intermediate_size, "n_embd");
  act = this.at.activation("act", this.config.activation_function);
  dropout = this.at.dropout("dropout");

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.c_fc.call(hidden_states); // [B, S, inner_dim]
    hidden_states = this.act.call(hidden_states);
    hidden_states = this.c_proj.call(hidden_states); // [B, S, hidden_size]
    return this.dropout.call(hidden_states);
  }
}

export class GPT2Block extends LayerModule<GPT2Config> {
  ln_1 = this.at.norm("ln_1", LayerNorm, "n_embd", { eps: "layer_norm_epsilon" });
  attn = this.at.module("attn", GPT2Attention, this.layer_idx);
  ln_2 = this.at.norm("ln_2", LayerNorm, "n_embd", { eps: "layer_norm_epsilon" });
  mlp = this.at.module("mlp", GPT2MLP);

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    hidden_states = add(this.attn.call(this.ln_1.call(hidden_states), inputs), hidden_states);
    return add(hidden_states, this.mlp.call(this.ln_2.call(hidden_states)));
  }
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class GPT2Model extends ConfiguredModule<GPT2Config> {
  wte = this.at.embedding("wte", "vocab_size", "n_embd");
  wpe = this.at.embedding("wpe", "n_positions", "n_embd");
  drop = this.at.dropout("drop");
  h = this.at.list("h", GPT2Block, "n_layer");
  ln_f = this.at.norm("ln_f", LayerNorm, "n_embd", { eps: "layer_norm_epsilon" });

  forward(input_ids: IndexTensor, { position_ids, attention_masks, cache }: CausalModelInputs): Tensor {
    const inputs_embeds = this.wte.call(input_ids);
    const position_embeds = this.wpe.call(position_ids);
    let hidden_states = this.drop.call(add(inputs_embeds, position_embeds)); // [B, S, hidden_size]
    for (const block of this.h.elements)
      hidden_states = block.call(hidden_states, { attention_mask: attention_masks.full_attention, cache });
    return this.ln_f.call(hidden_states);
  }
}

export class GPT2LMHeadModel extends DecoderForCausalLM<GPT2Config> {
  transformer = this.at.module("transformer", GPT2Model);
  lm_head = this.head("transformer.wte.weight");

  get model(): GPT2Model {
    return this.transformer;
  }
}
