/** gpt2, read beside transformers 5.24.0, `models/gpt2/modeling_gpt2.py`: same classes, same order, same names. */
import { z } from "zod";
import { Activation } from "../layers/activations.ts";
import type { AttentionInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { activation, config, size as count, tokenId } from "../layers/config_schema.ts";
import { DecoderForCausalLM } from "../layers/decoder.ts";
import { Dropout } from "../layers/dropout.ts";
import type { Linear } from "../layers/linear.ts";
import { Conv1D, Embedding } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add } from "../tensor/elementwise.ts";
import { slice } from "../tensor/layout.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

/** `GPT2Config`, with its defaults; sizes also under the names of other models, as its `attribute_map` has them. */
export const GPT2Config = config({
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
  ...Object.fromEntries(
    "summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout task_specific_params"
      .split(" ")
      .map((key) => [key, z.unknown().optional()] as const), // of other heads
  ),
}).transform((config) => ({
  ...config,
  max_position_embeddings: config.n_positions,
  hidden_size: config.n_embd,
  num_hidden_layers: config.n_layer,
  num_attention_heads: config.n_head,
  num_key_value_heads: config.n_head,
  head_dim: Math.floor(config.n_embd / config.n_head),
  layer_types: Array.from({ length: config.n_layer }, () => "full_attention" as const),
}));
export type GPT2Config = z.output<typeof GPT2Config>;

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GPT2Attention extends Attention {
  c_attn: Conv1D;
  c_proj: Conv1D;
  attn_dropout: Dropout;
  resid_dropout: Dropout;

  constructor(config: GPT2Config, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: 1 });
    config = at.read(config);
    if (config.scale_attn_weights) this.scaling = config.head_dim ** -0.5;
    if (config.scale_attn_by_inverse_layer_idx) this.scaling /= layer_idx + 1;
    const embed_dim = size(config, "n_embd");
    this.c_attn = new Conv1D(at.child("c_attn"), { in: embed_dim, out: size(config, 3, "n_embd") });
    this.c_proj = new Conv1D(at.child("c_proj"), { in: embed_dim, out: embed_dim });
    this.attn_dropout = new Dropout(at.child("attn_dropout"));
    this.resid_dropout = new Dropout(at.child("resid_dropout"));
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

export class GPT2MLP extends Module {
  c_fc: Conv1D;
  c_proj: Conv1D;
  act: Activation;
  dropout: Dropout;

  constructor(config: GPT2Config, at: Scope) {
    super(at);
    config = at.read(config);
    const embed_dim = size(config, "n_embd");
    const intermediate_size = config.n_inner ? size(config, "n_inner") : size(config, 4, "n_embd");
    this.c_fc = new Conv1D(at.child("c_fc"), { in: embed_dim, out: intermediate_size });
    this.c_proj = new Conv1D(at.child("c_proj"), { in: intermediate_size, out: embed_dim });
    this.act = new Activation(at.child("act"), config.activation_function);
    this.dropout = new Dropout(at.child("dropout"));
  }

  forward(hidden_states: Tensor): Tensor {
    hidden_states = this.c_fc.call(hidden_states); // [B, S, inner_dim]
    hidden_states = this.act.call(hidden_states);
    hidden_states = this.c_proj.call(hidden_states); // [B, S, hidden_size]
    return this.dropout.call(hidden_states);
  }
}

export class GPT2Block extends Module {
  ln_1: LayerNorm;
  attn: GPT2Attention;
  ln_2: LayerNorm;
  mlp: GPT2MLP;

  constructor(config: GPT2Config, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "n_embd"), eps: config.layer_norm_epsilon };
    this.ln_1 = new LayerNorm(at.child("ln_1"), norm);
    this.attn = new GPT2Attention(config, layer_idx, at.child("attn"));
    this.ln_2 = new LayerNorm(at.child("ln_2"), norm);
    this.mlp = new GPT2MLP(config, at.child("mlp"));
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    let residual = hidden_states;
    hidden_states = this.ln_1.call(hidden_states);
    hidden_states = add(this.attn.call(hidden_states, inputs), residual);

    residual = hidden_states;
    hidden_states = this.ln_2.call(hidden_states);
    return add(residual, this.mlp.call(hidden_states));
  }
}

/** The model without its head: input_ids [B, S] -> normed hidden states [B, S, hidden_size]. */
export class GPT2Model extends Module {
  wte: Embedding;
  wpe: Embedding;
  drop: Dropout;
  h: ModuleList<GPT2Block>;
  ln_f: LayerNorm;

  constructor(config: GPT2Config, at: Scope) {
    super(at);
    config = at.read(config);
    const embed_dim = size(config, "n_embd");
    const [vocabulary, positions] = [size(config, "vocab_size"), size(config, "n_positions")];
    this.wte = new Embedding(at.child("wte"), { num_embeddings: vocabulary, embedding_dim: embed_dim });
    this.wpe = new Embedding(at.child("wpe"), { num_embeddings: positions, embedding_dim: embed_dim });
    this.drop = new Dropout(at.child("drop"));
    this.h = new ModuleList(at.child("h"), config.n_layer, (i, at) => new GPT2Block(config, i, at));
    this.ln_f = new LayerNorm(at.child("ln_f"), { dim: embed_dim, eps: config.layer_norm_epsilon });
  }

  forward(input_ids: IndexTensor, { position_ids, attention_masks, cache }: CausalModelInputs): Tensor {
    const inputs_embeds = this.wte.call(input_ids);
    const position_embeds = this.wpe.call(position_ids);
    let hidden_states = this.drop.call(add(inputs_embeds, position_embeds)); // [B, S, hidden_size]
    for (const block of this.h.elements)
      hidden_states = block.call(hidden_states, { attention_mask: attention_masks.full_attention, cache });
    return this.ln_f.call(hidden_states);
  }
}

export class GPT2LMHeadModel extends DecoderForCausalLM {
  transformer: GPT2Model;
  lm_head: Linear;

  constructor(config: GPT2Config, at: Scope) {
    super(config, at);
    this.transformer = new GPT2Model(config, at.child("transformer"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.transformer.wte });
  }

  get model(): GPT2Model {
    return this.transformer;
  }
}
