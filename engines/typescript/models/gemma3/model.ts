/**
 * gemma3 with images, read beside transformers 5.24.0, `models/gemma3/modeling_gemma3.py`: same classes, order and
 * names. `text.ts` holds the language model of that file.
 */
import { z } from "zod";
import { linear_transposed } from "../../kernels/linear.ts";
import type { CausalModelInputs, MaskRequest, ModalityInputs } from "../../layers/causal_model.ts";
import { configSchema, count, tokenId } from "../../layers/config_schema.ts";
import { ConfiguredModule } from "../../layers/configured_module.ts";
import { DecoderForCausalLM } from "../../layers/decoder.ts";
import type { AttentionMasks } from "../../layers/masks.ts";
import { block_sequence_ids } from "../../layers/masks.ts";
import { Module } from "../../layers/module.ts";
import type { Scope } from "../../layers/scope.ts";
import { SiglipVisionConfig, SiglipVisionModel } from "../../layers/siglip_vision_model.ts";
import { reshape } from "../../tensor/layout.ts";
import { countTrue, maskedScatter, where } from "../../tensor/select.ts";
import { transposeLast } from "../../tensor/split.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import { floatTensor, indexTensor, roundedTensor, ShapeError } from "../../tensor/tensor.ts";
import { Gemma3RMSNorm, Gemma3TextConfig, Gemma3TextModel } from "./text.ts";

/** `Gemma3Config`, with its defaults; token ids also under the names that its `attribute_map` has. */
export const Gemma3Config = configSchema({
  model_type: z.literal("gemma3").default("gemma3"),
  text_config: Gemma3TextConfig.prefault({}),
  vision_config: SiglipVisionConfig.prefault({}),
  mm_tokens_per_image: count.default(256),
  boi_token_index: tokenId.default(255_999),
  eoi_token_index: tokenId.default(256_000),
  image_token_index: tokenId.optional(),
  image_token_id: tokenId.optional(),
  tie_word_embeddings: z.boolean().default(true),
}).transform(({ image_token_index, image_token_id, ...fields }) => ({
  ...fields,
  image_token_index: image_token_index ?? image_token_id ?? 262_144,
}));
export type Gemma3Config = z.output<typeof Gemma3Config>;

/**
 * `torch.nn.AvgPool2d` of which the stride is as wide as the kernel: [N, channels, H, W] -> [N, channels, H / kernel, W
 * / kernel].
 */
export class AvgPool2d extends Module {
  kernel_size: number;

  constructor(at: Scope, kernel_size: number) {
    super(at);
    this.kernel_size = kernel_size;
  }

  forward(x: Tensor): Tensor {
    const { kernel_size: kernel } = this;
    const [count, channels, height, width] = x.shape as [number, number, number, number];
    const [down, across] = [Math.floor(height / kernel), Math.floor(width / kernel)];
    const shape = [count, channels, down, across];
    const { data, dtype } = x;
    if (data === null) return floatTensor(shape, null, dtype);
    const means = Float32Array.from({ length: count * channels * down * across }, (_, i) => {
      const plane = Math.floor(i / (down * across)) * height * width;
      const start = plane + Math.floor((i % (down * across)) / across) * kernel * width + (i % across) * kernel;
      let sum = 0;
      for (let row = 0; row < kernel; row++)
        for (let column = 0; column < kernel; column++) sum += data[start + row * width + column]!;
      return sum / kernel ** 2;
    });
    return roundedTensor(shape, means, dtype);
  }
}

/**
 * Outputs of the vision tower [images, patches, vision width], pooled, into the language model's space [images,
 * mm_tokens_per_image, hidden_size].
 */
export class Gemma3MultiModalProjector extends ConfiguredModule<Gemma3Config> {
  vision = this.at.with(this.config.vision_config);
  mm_input_projection_weight = this.at.parameter(
    "mm_input_projection_weight", // [in, out], unlike a Linear
    this.vision.size("hidden_size"),
    this.at.with(this.config.text_config).size("hidden_size"),
  );
  mm_soft_emb_norm = this.vision.norm("mm_soft_emb_norm", Gemma3RMSNorm, "hidden_size", { eps: "layer_norm_eps" });
  patches_per_image = Math.floor(this.vision.config.image_size / this.vision.config.patch_size);
  tokens_per_side = Math.floor(this.config.mm_tokens_per_image ** 0.5);
  avg_pool = new AvgPool2d(this.at.child("avg_pool"), Math.floor(this.patches_per_image / this.tokens_per_side));

  forward(vision_outputs: Tensor): Tensor {
    const side = this.patches_per_image;
    const [images, , width] = vision_outputs.shape as [number, number, number];
    const planes = reshape(transposeLast(vision_outputs), [images, width, side, side]);
    const pooled_vision_outputs = this.avg_pool.call(planes); // [images, vision width, side, side]
    const tokens = transposeLast(reshape(pooled_vision_outputs, [images, width, -1])); // [images, tokens, vision width]
    return this.project(this.mm_soft_emb_norm.call(tokens));
  }

  /** `normed @ mm_input_projection_weight`. */
  project(normed_vision_outputs: Tensor): Tensor {
    const [inner, columns] = this.mm_input_projection_weight.shape as [number, number];
    const shape = normed_vision_outputs.shape.with(-1, columns);
    const { data, dtype, rows } = normed_vision_outputs;
    const weight = this.mm_input_projection_weight.data;
    if (data === null || weight === null) return floatTensor(shape, null, dtype);
    const product = linear_transposed(data, weight, new Float32Array(columns), { rows, inner, columns });
    return roundedTensor(shape, product, dtype);
  }
}

/** token_type_ids [B, S] -> the number of the image that a token lies in, -1 outside. */
export function get_block_sequence_ids_for_mask(token_type_ids: IndexTensor): IndexTensor {
  return block_sequence_ids(token_type_ids, (type) => type === 1);
}

/** Embeds tokens and images, and runs the language model: input_ids [B, S] -> [B, S, hidden_size]. */
export class Gemma3Model extends ConfiguredModule<Gemma3Config> {
  image_token_id: number | null = this.config.image_token_index;
  vocab_size = this.config.text_config.vocab_size;
  vision_tower = new SiglipVisionModel(this.at.child("vision_tower"), this.config.vision_config);
  multi_modal_projector = this.at.module("multi_modal_projector", Gemma3MultiModalProjector);
  language_model = new Gemma3TextModel(this.at.child("language_model"), this.config.text_config);

  /** Soft tokens of all images: [images, mm_tokens_per_image, hidden_size]. */
  get_image_features(pixel_values: Tensor): Tensor {
    return this.multi_modal_projector.call(this.vision_tower.call(pixel_values));
  }

  get_placeholder_mask(input_ids: IndexTensor): IndexTensor {
    return where(input_ids, (id) => id === this.image_token_id);
  }

  /** input_ids with placeholders replaced by 0 when their id lies outside the vocabulary. */
  replace_placeholders(input_ids: IndexTensor, special_image_mask: IndexTensor): IndexTensor {
    if (this.image_token_id === null || this.image_token_id < this.vocab_size) return input_ids;
    return indexTensor(
      input_ids.shape,
      input_ids.data.map((id, i) => (special_image_mask.data[i] === 1 ? 0 : id)),
    );
  }

  /** Features in place of their placeholder tokens. Throws ShapeError when their numbers differ. */
  merge_features(inputs_embeds: Tensor, special_image_mask: IndexTensor, image_features: Tensor): Tensor {
    const features = reshape(image_features, [-1, image_features.size(-1)]);
    const expected = [countTrue(special_image_mask), features.size(1)];
    if (features.size(0) !== expected[0])
      throw new ShapeError("soft tokens for the placeholders of input_ids", { expected, found: features.shape });
    return maskedScatter(inputs_embeds, special_image_mask, features);
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const special_image_mask = this.get_placeholder_mask(input_ids);
    const llm_input_ids = this.replace_placeholders(input_ids, special_image_mask);
    let inputs_embeds = this.language_model.embed_tokens.call(llm_input_ids); // [B, S, hidden_size]
    if (inputs.pixel_values !== null) {
      const image_features = this.get_image_features(inputs.pixel_values);
      inputs_embeds = this.merge_features(inputs_embeds, special_image_mask, image_features);
    }
    return this.language_model.call(null, inputs, inputs_embeds);
  }
}

/** The multimodal model: input_ids [B, S] and images -> logits [B, S, vocab_size], which have no soft-cap here. */
export class Gemma3ForConditionalGeneration extends DecoderForCausalLM<Gemma3Config> {
  override readonly modalities: readonly (keyof ModalityInputs)[] = ["pixel_values"];
  model = this.at.module("model", Gemma3Model);
  lm_head = this.head("model.language_model.embed_tokens.weight");

  override create_masks_for_generate(request: MaskRequest): AttentionMasks {
    const { token_type_ids } = request;
    if (!token_type_ids) return super.create_masks_for_generate(request);
    return this.create_masks_for_vision_model(request, get_block_sequence_ids_for_mask(token_type_ids));
  }

  /** Full layers: causal OR same image; sliding layers: window AND (causal OR same image). */
  create_masks_for_vision_model(request: MaskRequest, block_sequence_ids: IndexTensor): AttentionMasks {
    return {
      full_attention: this.masks.create_block_mask(request, block_sequence_ids),
      sliding_attention: this.masks.create_sliding_window_block_mask(request, block_sequence_ids),
    };
  }
}
