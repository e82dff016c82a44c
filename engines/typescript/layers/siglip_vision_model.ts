/**
 * The vision tower of SigLIP, which many multimodal models have, read beside transformers 5.24.0, `models/siglip/modeling_siglip.py`: same classes, same
 * order, same names.
 */
import { z } from "zod";
import { add, cast } from "../tensor/elementwise.ts";
import { reshape } from "../tensor/layout.ts";
import { transposeLast } from "../tensor/split.ts";
import type { IndexTensor, MaskTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor, maskTensor } from "../tensor/tensor.ts";
import { Activation } from "./activations.ts";
import type { AttentionInputs } from "./attention.ts";
import { Attention } from "./attention.ts";
import { activation, config, size as count } from "./config_schema.ts";
import { Embedding, Linear } from "./linear.ts";
import { Module, ModuleList } from "./module.ts";
import { LayerNorm } from "./normalization.ts";
import { PatchConvolution } from "./patch_convolution.ts";
import { addRows } from "./pointwise.ts";
import type { Scope } from "./scope.ts";
import { size } from "./scope.ts";

/** `SiglipVisionConfig`, with its defaults. */
export const SiglipVisionConfig = config({
  model_type: z.literal("siglip_vision_model").default("siglip_vision_model"),
  hidden_size: count.default(768),
  intermediate_size: count.default(3072),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  num_channels: count.default(3),
  image_size: count.default(224), // of square images
  patch_size: count.default(16),
  hidden_act: activation.default("gelu_pytorch_tanh"),
  layer_norm_eps: z.number().default(1e-6),
  vision_use_head: z.boolean().default(true),
})
  .refine(({ vision_use_head }) => !vision_use_head, {
    path: ["vision_use_head"],
    message: "the pooling head (true, the class's default) is not implemented",
  })
  .transform((fields) => ({
    ...fields,
    head_dim: Math.floor(fields.hidden_size / fields.num_attention_heads),
    num_key_value_heads: fields.num_attention_heads,
    num_patches: Math.floor(fields.image_size / fields.patch_size) ** 2,
  }));
export type SiglipVisionConfig = z.output<typeof SiglipVisionConfig>;

/** Patches of square images with a learned embedding for each place: pixel_values [images, channels, H, W] -> [images, patches, hidden_size]. */
export class SiglipVisionEmbeddings extends Module {
  patch_embedding: PatchConvolution;
  position_embedding: Embedding;
  position_ids: IndexTensor;

  constructor(config: SiglipVisionConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const out = size(config, "hidden_size");
    const [channels, kernel] = [size(config, "num_channels"), size(config, "patch_size")];
    this.patch_embedding = new PatchConvolution(at.child("patch_embedding"), { channels, out, kernel });
    const sizes = { num_embeddings: size(config, "num_patches"), embedding_dim: out };
    this.position_embedding = new Embedding(at.child("position_embedding"), sizes);
    this.position_ids = indexTensor(
      [1, config.num_patches],
      Int32Array.from({ length: config.num_patches }, (_, i) => i),
    );
  }

  forward(pixel_values: Tensor): Tensor {
    const patch_embeds = this.patch_embedding.call(cast(pixel_values, this.patch_embedding.weight.dtype));
    const [images, width] = patch_embeds.shape as [number, number];
    const embeddings = transposeLast(reshape(patch_embeds, [images, width, -1])); // [images, patches, hidden_size]
    return this.add_positions(embeddings, this.position_embedding.call(this.position_ids));
  }

  /** The embeddings of all images plus those of their places [1, patches, hidden_size]. */
  add_positions(embeddings: Tensor, positions: Tensor): Tensor {
    return reshape(addRows(reshape(embeddings, [embeddings.size(0), -1]), reshape(positions, [-1])), embeddings.shape);
  }
}

/** Attention of one layer, in which all patches of an image see each other: hidden_states [images, patches, hidden_size] -> the same shape. */
export class SiglipAttention extends Attention {
  k_proj: Linear;
  v_proj: Linear;
  q_proj: Linear;
  out_proj: Linear;

  constructor(config: SiglipVisionConfig, layer_idx: number, at: Scope) {
    super(config, layer_idx, { at, scaling: at.read(config).head_dim ** -0.5 });
    const embed_dim = size(at.read(config), "hidden_size");
    const sizes = { in: embed_dim, out: embed_dim, bias: true };
    this.k_proj = new Linear(at.child("k_proj"), sizes);
    this.v_proj = new Linear(at.child("v_proj"), sizes);
    this.q_proj = new Linear(at.child("q_proj"), sizes);
    this.out_proj = new Linear(at.child("out_proj"), sizes);
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const queries = this.split_heads(this.q_proj.call(hidden_states)); // [images, patches, heads, D]
    const keys = this.split_heads(this.k_proj.call(hidden_states));
    const values = this.split_heads(this.v_proj.call(hidden_states));
    return this.out_proj.call(this.attend([queries, keys, values], inputs)); // [images, patches, hidden_size]
  }
}

export class SiglipMLP extends Module {
  activation_fn: Activation;
  fc1: Linear;
  fc2: Linear;

  constructor(config: SiglipVisionConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [hidden, intermediate] = [size(config, "hidden_size"), size(config, "intermediate_size")];
    this.activation_fn = new Activation(at.child("activation_fn"), config.hidden_act);
    this.fc1 = new Linear(at.child("fc1"), { in: hidden, out: intermediate, bias: true });
    this.fc2 = new Linear(at.child("fc2"), { in: intermediate, out: hidden, bias: true });
  }

  forward(hidden_states: Tensor): Tensor {
    return this.fc2.call(this.activation_fn.call(this.fc1.call(hidden_states)));
  }
}

export class SiglipEncoderLayer extends Module {
  layer_norm1: LayerNorm;
  self_attn: SiglipAttention;
  layer_norm2: LayerNorm;
  mlp: SiglipMLP;

  constructor(config: SiglipVisionConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.layer_norm_eps };
    this.layer_norm1 = new LayerNorm(at.child("layer_norm1"), norm);
    this.self_attn = new SiglipAttention(config, layer_idx, at.child("self_attn"));
    this.layer_norm2 = new LayerNorm(at.child("layer_norm2"), norm);
    this.mlp = new SiglipMLP(config, at.child("mlp"));
  }

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.layer_norm1.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.layer_norm2.call(hidden_states)));
  }
}

export class SiglipEncoder extends Module {
  layers: ModuleList<SiglipEncoderLayer>;

  constructor(config: SiglipVisionConfig, at: Scope) {
    super(at);
    config = at.read(config);
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (i, at) => new SiglipEncoderLayer(config, i, at),
    );
  }

  forward(inputs_embeds: Tensor): Tensor {
    const inputs = { attention_mask: this.all_ones(inputs_embeds), cache: null };
    return this.layers.elements.reduce((states, encoder_layer) => encoder_layer.call(states, inputs), inputs_embeds);
  }

  /** The reference gives no mask. */
  all_ones({ data, shape: [images = 0, patches = 0] }: Tensor): MaskTensor {
    return maskTensor([images, 1, patches, patches], data && new Uint8Array(images * patches * patches).fill(1));
  }
}

/** The tower without its pooling head: pixel_values [images, channels, H, W] -> [images, patches, hidden_size]. */
export class SiglipVisionModel extends Module {
  embeddings: SiglipVisionEmbeddings;
  encoder: SiglipEncoder;
  post_layernorm: LayerNorm;

  constructor(config: SiglipVisionConfig, at: Scope) {
    super(at);
    config = at.read(config);
    this.embeddings = new SiglipVisionEmbeddings(config, at.child("embeddings"));
    this.encoder = new SiglipEncoder(config, at.child("encoder"));
    const norm = { dim: size(config, "hidden_size"), eps: config.layer_norm_eps };
    this.post_layernorm = new LayerNorm(at.child("post_layernorm"), norm);
  }

  forward(pixel_values: Tensor): Tensor {
    return this.post_layernorm.call(this.encoder.call(this.embeddings.call(pixel_values)));
  }
}
