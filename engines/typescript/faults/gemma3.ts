/** Faults of ports of gemma3 with images: the tower, the projector, masks over images. */
import { activations } from "../kernels/activations.ts";
import type { SiglipEncoderLayer, SiglipVisionModel } from "../layers/siglip_vision_model.ts";
import type { Gemma3ForConditionalGeneration, Gemma3Model, Gemma3MultiModalProjector } from "../models/gemma3/model.ts";
import { scale, softcap } from "../tensor/elementwise.ts";
import { floatTensor, indexTensor } from "../tensor/tensor.ts";
import { change, mapElements, part, skip } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "gemma3";
const tower = "model.vision_tower";
const projector = "model.multi_modal_projector";
const firstMask = "model.language_model.layers.0.self_attn#mask";

export const causalOverImages: PlantedFault = {
  id: "gemma3-images-causal",
  title: "tokens of an image see only those before them",
  category,
  case: "gemma3/images",
  at: firstMask,
  model({ root }) {
    const at = root as Gemma3ForConditionalGeneration;
    change(at, "create_masks_for_generate", (right) => (request) => right({ ...request, token_type_ids: null }));
  },
};

export const oneBlockForAllImages: PlantedFault = {
  id: "gemma3-images-in-one-block",
  title: "tokens of an image also see the next image: one block for all",
  category,
  case: "gemma3/images",
  at: "model.language_model.layers.1.self_attn#mask",
  model({ root }) {
    const at = root as Gemma3ForConditionalGeneration;
    change(at, "create_masks_for_vision_model", (right) => (request, blocks) => {
      const one = indexTensor(
        blocks.shape,
        blocks.data.map((block) => Math.min(block, 0)),
      );
      return { ...right(request, blocks), full_attention: right(request, one).full_attention };
    });
  },
};

export const causalInFullLayers: PlantedFault = {
  id: "gemma3-full-layers-causal",
  title: "full layers causal over images too, as gemma4 has them",
  category,
  case: "gemma3/images",
  at: "model.language_model.layers.1.self_attn#mask",
  model({ root }) {
    const at = root as Gemma3ForConditionalGeneration;
    change(at, "create_masks_for_vision_model", (right) => (request, blocks) => ({
      ...right(request, blocks),
      full_attention: at.masks.create_causal_mask(request),
    }));
  },
};

export const windowNotKept: PlantedFault = {
  id: "gemma3-image-block-beyond-window",
  title: "in sliding layers a token sees all of its image, also what lies behind the window",
  category,
  case: "gemma3/images",
  at: firstMask,
  model({ root }) {
    const { masks } = root as Gemma3ForConditionalGeneration;
    masks.create_sliding_window_block_mask = (inputs, blocks) =>
      masks.create_mask(
        inputs,
        "sliding",
        (b, q, k) =>
          (masks.sliding_window_overlay(b, q, k) && masks.causal_mask_function(b, q, k)) ||
          masks.blockwise_overlay(blocks, b, q, k),
      );
  },
};

export const logitsCapped: PlantedFault = {
  id: "gemma3-final-softcap-applied",
  title: "final_logit_softcapping applied, which the multimodal model's head does not",
  category,
  case: "gemma3/images",
  at: "logits",
  model({ root }) {
    (root as Gemma3ForConditionalGeneration).logits = (logits) => softcap(logits, 2.5);
  },
};

export const featuresScaled: PlantedFault = {
  id: "gemma3-image-features-scaled",
  title: "image features times the scale of token embeddings",
  category,
  case: "gemma3/images",
  at: "model.language_model:in",
  model(model) {
    const at = part<Gemma3Model>(model, "model");
    const { embed_scale } = at.language_model.embed_tokens;
    change(
      at,
      "merge_features",
      (right) => (embeds, mask, features) => right(embeds, mask, scale(features, embed_scale)),
    );
  },
};

export const normWithoutOne: PlantedFault = {
  id: "gemma3-projector-norm-plain-weight",
  title: "mm_soft_emb_norm multiplies by weight, not 1 + weight",
  category,
  case: "gemma3/images",
  at: `${projector}.mm_soft_emb_norm:out`,
  weights: (name, tensor) =>
    name === `${projector}.mm_soft_emb_norm.weight`
      ? floatTensor(
          tensor.shape,
          tensor.data!.map((x) => x - 1),
        )
      : tensor,
};

export const towerNotNormed: PlantedFault = {
  id: "gemma3-tower-post-norm-missing",
  title: "post_layernorm of the vision tower left out",
  category,
  case: "gemma3/images",
  at: `${tower}.post_layernorm:out`,
  model(model) {
    skip(part<SiglipVisionModel>(model, tower).post_layernorm);
  },
};

export const pooledByMaximum: PlantedFault = {
  id: "gemma3-max-pool",
  title: "patches pooled by their maximum, not their mean",
  category,
  case: "gemma3/images",
  at: `${projector}.avg_pool:out`,
  model(model) {
    const { avg_pool } = part<Gemma3MultiModalProjector>(model, projector);
    change(avg_pool, "forward", (right) => (x) => {
      const [width, kernel] = [x.size(3), avg_pool.kernel_size];
      const across = width / kernel;
      return mapElements(right(x), (_, i) => {
        const [plane, place] = [Math.floor(i / across ** 2), i % across ** 2];
        const start = plane * width ** 2 + Math.floor(place / across) * kernel * width + (place % across) * kernel;
        const rows = Array.from({ length: kernel ** 2 }, (_, n) => Math.floor(n / kernel) * width + (n % kernel));
        return Math.max(...rows.map((offset) => x.data![start + offset]!));
      });
    });
  },
};

export const imageTransposed: PlantedFault = {
  id: "gemma3-patches-column-by-column",
  title: "patches numbered column by column: the image lies on its side",
  category,
  case: "gemma3/images",
  at: `${tower}.embeddings.patch_embedding:out`,
  model(model) {
    const { patch_embedding } = part<SiglipVisionModel>(model, tower).embeddings;
    change(patch_embedding, "unfold", (right) => (images, kernel) => {
      const patches = right(images, kernel);
      const [count, width] = [patches.size(1), patches.size(2)];
      const side = Math.sqrt(count);
      return mapElements(patches, (_, i) => {
        const [row, channel] = [Math.floor(i / width), i % width];
        const [image, patch] = [Math.floor(row / count), row % count];
        const turned = (patch % side) * side + Math.floor(patch / side);
        return patches.data![(image * count + turned) * width + channel]!;
      });
    });
  },
};

export const channelsLast: PlantedFault = {
  id: "gemma3-patch-pixels-channels-last",
  title: "pixels of a patch unfolded as [row, column, channel] for a weight stored as [channel, row, column]",
  category,
  case: "gemma3/images",
  at: `${tower}.embeddings.patch_embedding:out`,
  model(model) {
    const { patch_embedding } = part<SiglipVisionModel>(model, tower).embeddings;
    change(patch_embedding, "unfold", (right) => (images, kernel) => {
      const patches = right(images, kernel);
      const [width, pixels] = [patches.size(2), kernel ** 2];
      return mapElements(patches, (_, i) => {
        const place = i % width;
        const [pixel, channel] = [Math.floor(place / 3), place % 3];
        return patches.data![i - place + channel * pixels + pixel]!;
      });
    });
  },
};

export const exactGelu: PlantedFault = {
  id: "gemma3-siglip-gelu-erf",
  title: "gelu computed with erf in the tower, where hidden_act asks for gelu_pytorch_tanh",
  category,
  case: "gemma3/images",
  at: `${tower}.encoder.layers.0.mlp.activation_fn:out`,
  model(model) {
    part<SiglipEncoderLayer>(model, `${tower}.encoder.layers.0`).mlp.activation_fn.activation = activations.gelu;
  },
};

export const firstImageForAll: PlantedFault = {
  id: "gemma3-first-image-for-all",
  title: "the features of the first image in the place of all",
  category,
  case: "gemma3/images",
  at: "model.language_model:in",
  model(model) {
    const at = part<Gemma3Model>(model, "model");
    change(at, "merge_features", (right) => (embeds, mask, features) => {
      const length = features.size(1) * features.size(2);
      return right(
        embeds,
        mask,
        mapElements(features, (_, i) => features.data![i % length]!),
      );
    });
  },
};

export const causes = {
  "gemma3-images-causal": "mask/no bidirectional blocks",
  "gemma3-images-in-one-block": "mask/all media tokens as one bidirectional block",
  "gemma3-full-layers-causal": "mask/no bidirectional blocks",
  "gemma3-image-block-beyond-window": "mask/blocks reach beyond the window",
  "gemma3-final-softcap-applied": "soft-capped=2\\.5",
  "gemma3-projector-norm-plain-weight": "norm/an RMS norm",
  "gemma3-tower-post-norm-missing": "layer_norm:left out",
  "gemma3-patches-column-by-column": "axes 2 and 3 swapped in memory",
  "gemma3-siglip-gelu-erf": "gelu:GELU \\(erf\\)",
  "gemma3-first-image-for-all": "masked_scatter 3: axis 0 first",
};
