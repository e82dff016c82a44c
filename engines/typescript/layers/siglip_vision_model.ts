/**
 * The vision tower of SigLIP, which many multimodal models have, read beside transformers 5.24.0,
 * `models/siglip/modeling_siglip.py`: same classes, order and names.
 */
import { z } from "zod";
import { add, cast } from "../tensor/elementwise.ts";
import { reshape } from "../tensor/layout.ts";
import { transposeLast } from "../tensor/split.ts";
import type { MaskTensor, Tensor } from "../tensor/tensor.ts";
import { indexTensor, maskTensor } from "../tensor/tensor.ts";
import type { AttentionInputs } from "./attention.ts";
import { Attention } from "./attention.ts";
import { AttentionCore } from "./attention_core.ts";
import { activation, configSchema, count } from "./config_schema.ts";
import { LayerNorm } from "./normalization.ts";
import { PatchConvolution } from "./patch_convolution.ts";
import { addRows } from "./pointwise.ts";
import { ConfiguredModule, LayerModule } from "./configured_module.ts";

/** `SiglipVisionConfig`, with its defaults. */
export const SiglipVisionConfig = configSchema({
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

/**
 * Patches of square images with a learned embedding for each place: pixel_values [images, channels, H, W] -> [images,
 * patches, hidden_size].
 */
export class SiglipVisionEmbeddings extends ConfiguredModule<SiglipVisionConfig> {
  patch_embedding = new PatchConvolution(this.at.child("patch_embedding"), {
    channels: this.at.size("num_channels"),
    out: this.at.size("hidden_size"),
    kernel: this.at.size("patch_size"),
  });
  position_embedding = this.at.embedding("position_embedding", "num_patches", "hidden_size");
  position_ids = indexTensor(
    [1, this.config.num_patches],
    Int32Array.from({ length: this.config.num_patches }, (_, i) => i),
  );

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

/**
 * Attention of one layer, in which all patches of an image see each other: hidden_states [images, patches, hidden_size]
 * -> the same shape.
 */
export class SiglipAttention extends Attention<SiglipVisionConfig> {
  attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
  k_proj = this.at.linear("k_proj", "hidden_size", "hidden_size");
  v_proj = this.at.linear("v_proj", "hidden_size", "hidden_size");
  q_proj = this.at.linear("q_proj", "hidden_size", "hidden_size");
  out_proj = this.at.linear("out_proj", "hidden_size", "hidden_size");

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    const queries = this.split_heads(this.q_proj.call(hidden_states)); // [images, patches, heads, D]
    const keys = this.split_heads(this.k_proj.call(hidden_states));
    const values = this.split_heads(this.v_proj.call(hidden_states));
    return this.out_proj.call(this.attend([queries, keys, values], inputs)); // [images, patches, hidden_size]
  }
}

export class SiglipMLP extends ConfiguredModule<SiglipVisionConfig> {
  activation_fn = this.at.activation("activation_fn", this.config.hidden_act);
  fc1 = this.at.linear("fc1", "hidden_size", "intermediate_size");
  fc2 = this.at.linear("fc2", "intermediate_size", "hidden_size");

  forward(hidden_states: Tensor): Tensor {
    return this.fc2.call(this.activation_fn.call(this.fc1.call(hidden_states)));
  }
}

export class SiglipEncoderLayer extends LayerModule<SiglipVisionConfig> {
  layer_norm1 = this.at.norm("layer_norm1", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  self_attn = this.at.module("self_attn", SiglipAttention, this.layer_idx);
  layer_norm2 = this.at.norm("layer_norm2", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });
  mlp = this.at.module("mlp", SiglipMLP);

  forward(hidden_states: Tensor, inputs: AttentionInputs): Tensor {
    hidden_states = add(hidden_states, this.self_attn.call(this.layer_norm1.call(hidden_states), inputs));
    return add(hidden_states, this.mlp.call(this.layer_norm2.call(hidden_states)));
  }
}

export class SiglipEncoder extends ConfiguredModule<SiglipVisionConfig> {
  layers = this.at.list("layers", SiglipEncoderLayer, "num_hidden_layers");

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
export class SiglipVisionModel extends ConfiguredModule<SiglipVisionConfig> {
  embeddings = this.at.module("embeddings", SiglipVisionEmbeddings);
  encoder = this.at.module("encoder", SiglipEncoder);
  post_layernorm = this.at.norm("post_layernorm", LayerNorm, "hidden_size", { eps: "layer_norm_eps" });

  forward(pixel_values: Tensor): Tensor {
    return this.post_layernorm.call(this.encoder.call(this.embeddings.call(pixel_values)));
  }
}
