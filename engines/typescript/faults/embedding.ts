import type { BuiltModel } from "../fault.ts";
import { scale } from "../tensor/elementwise.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { change, mapElements, mediaModel, textModel } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";
import { bf16 } from "./rounding.ts";

const category = "embedding";
const embedded = "model.language_model.embed_tokens:out";

/** Gives the token embeddings another scale. */
function scaleBy(model: BuiltModel, faulty: (scale: number) => number): void {
  const { embed_tokens } = textModel(model);
  embed_tokens.embed_scale = faulty(embed_tokens.embed_scale);
}

export const scaleMissing: PlantedFault = {
  id: "vllm-transformers-embed-scale",
  title: "token embeddings not multiplied by sqrt(hidden_size)",
  category,
  case: "gemma4_unified/text",
  at: embedded,
  model: (model) => scaleBy(model, () => 1),
};

export const scaleHardcoded: PlantedFault = {
  id: "optnv-embed-scale-hardcoded",
  title: "token embeddings multiplied by sqrt(2048) whatever hidden_size is",
  category,
  case: "gemma4_unified/text",
  at: embedded,
  model: (model) => scaleBy(model, () => 2048 ** 0.5),
};

export const scaleRounded: PlantedFault = {
  id: "hf-gemma-embed-scale-bf16",
  title: "sqrt(hidden_size) rounded to bfloat16 in a float32 model",
  category,
  case: "gemma4_unified/text",
  at: embedded,
  model: (model) => scaleBy(model, bf16),
};

export const scaleMissingWithMedia: PlantedFault = {
  id: "mvlm-paligemma-scale",
  title: "the embedding scale left out in forwards with an image",
  category,
  case: "gemma4_unified/two_images",
  at: embedded,
  model(model) {
    const { embed_tokens } = textModel(model);
    const scale = embed_tokens.embed_scale;
    change(mediaModel(model), "forward", (right) => (input_ids, inputs) => {
      embed_tokens.embed_scale = inputs.pixel_values ? 1 : scale;
      return right(input_ids, inputs);
    });
  },
};

export const scaleAfterMerge: PlantedFault = {
  id: "mvlm-gemma4-scale-merged",
  title: "the embedding scale applied to image tokens too",
  category,
  case: "gemma4_unified/image",
  at: "model.language_model:in",
  model(model) {
    const { embed_scale } = textModel(model).embed_tokens;
    change(
      mediaModel(model),
      "merge_features",
      (right) => (inputs_embeds, mask, features) =>
        right(
          inputs_embeds,
          mask,
          mapElements(features, (value) => value * embed_scale),
        ),
    );
  },
};

export const scaledTwice: PlantedFault = {
  id: "embed-scale-twice",
  title: "embeddings scaled when they are looked up and again before the first layer",
  category,
  case: "gemma4_unified/causal_lm",
  at: "model.rotary_emb:in@full_attention",
  model(model) {
    const { embed_tokens } = textModel(model);
    change(
      textModel(model),
      "forward",
      (right) => (input_ids, inputs, inputs_embeds) =>
        right(null, inputs, scale(inputs_embeds ?? embed_tokens.call(input_ids!), embed_tokens.embed_scale)),
    );
  },
};

export const placeholdersEmbedded: PlantedFault = {
  id: "placeholders-not-replaced-by-pad",
  title: "placeholder tokens looked up under their own ids in place of the padding token's",
  category,
  case: "gemma4_unified/audio",
  at: "model.language_model.embed_tokens:in",
  model(model) {
    mediaModel(model).replace_placeholders = (input_ids) => input_ids;
  },
};

export const tableShifted: PlantedFault = {
  id: "token-table-shifted",
  title: "the embedding table read one row too far",
  category,
  case: "gemma4_unified/decode",
  at: embedded,
  model(model) {
    const { embed_tokens } = textModel(model);
    change(
      embed_tokens,
      "forward",
      (right) =>
        ({ shape, data }) =>
          right(
            indexTensor(
              shape,
              data.map((id) => id + 1),
            ),
          ),
    );
  },
};
