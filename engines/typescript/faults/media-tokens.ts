/** Faults of how soft tokens of images and video get to their placeholders. */
import { concat, slice } from "../tensor/layout.ts";
import { maskedScatter } from "../tensor/select.ts";
import { floatTensor, indexTensor } from "../tensor/tensor.ts";
import { change, mapElements, mediaModel, pickRows } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";
import { fp16 } from "./rounding.ts";

const category = "media-tokens";
const merged = "model.language_model:in";
const firstImageTokens = 24;

export const imagesReversed: PlantedFault = {
  id: "images-in-reverse-order",
  title: "the soft tokens of the second image put before those of the first",
  category,
  case: "gemma4_unified/two_images",
  at: merged,
  model(model) {
    change(mediaModel(model), "get_image_features", (right) => (...inputs) => {
      const features = right(...inputs);
      const end = features.size(0);
      return concat([slice(features, 0, firstImageTokens, end), slice(features, 0, 0, firstImageTokens)], 0);
    });
  },
};

export const paddingNotSkipped: PlantedFault = {
  id: "mvlm-molmo-scatter",
  title: "padding patches of the first image not skipped: they push the tokens of the second back",
  category,
  case: "gemma4_unified/two_images",
  at: merged,
  model(model) {
    const at = mediaModel(model);
    at.non_pad_mask = ({ shape }) => {
      const patches = shape.slice(0, -1);
      return indexTensor(patches, new Int32Array(patches[0]! * patches[1]!).fill(1));
    };
    at.merge_features = maskedScatter; // takes surplus rows
  },
};

export const secondImageOff: PlantedFault = {
  id: "automodel-cls-strip",
  title: "the soft tokens of each image cut one token too far for every image before it",
  category,
  case: "gemma4_unified/two_images",
  at: merged,
  model(model) {
    change(mediaModel(model), "get_image_features", (right) => (...inputs) => {
      const features = right(...inputs);
      const last = features.size(0) - 1;
      return pickRows(features, (row) => (row < firstImageTokens ? row : Math.min(row + 1, last)));
    });
  },
};

export const columnMajor: PlantedFault = {
  id: "mlxcel-qwen25vl-inverse",
  title: "soft tokens of an image put back with the permutation in place of its inverse: column by column",
  category,
  case: "gemma4_unified/image",
  at: merged,
  model(model) {
    const [columns, rows] = [6, 4];
    change(
      mediaModel(model),
      "get_image_features",
      (right) =>
        (...inputs) =>
          pickRows(right(...inputs), (row) => (row % rows) * columns + Math.floor(row / rows)),
    );
  },
};

export const framesSwapped: PlantedFault = {
  id: "video-frames-swapped",
  title: "the soft tokens of two video frames exchanged",
  category,
  case: "gemma4_unified/video",
  at: merged,
  model(model) {
    const patches = 5;
    change(
      mediaModel(model),
      "get_image_features",
      (right) =>
        (...inputs) =>
          pickRows(right(...inputs), (row) => (row < 2 * patches ? (row + patches) % (2 * patches) : row)),
    );
  },
};

export const framesAllFirst: PlantedFault = {
  id: "video-only-first-frame",
  title: "every frame of a video filled with the tokens of the first",
  category,
  case: "gemma4_unified/video",
  at: merged,
  model(model) {
    const patches = 5;
    change(
      mediaModel(model),
      "get_image_features",
      (right) =>
        (...inputs) =>
          pickRows(right(...inputs), (row) => row % patches),
    );
  },
};

export const featuresInFp16: PlantedFault = {
  id: "mvlm-molmo2-fp16",
  title: "soft tokens of an image passed on in float16",
  category,
  case: "gemma4_unified/image",
  at: merged,
  model(model) {
    change(
      mediaModel(model),
      "get_image_features",
      (right) =>
        (...inputs) =>
          mapElements(right(...inputs), fp16),
    );
  },
};

export const addedToEmbeddings: PlantedFault = {
  id: "soft-tokens-added",
  title: "soft tokens added to the placeholders' embeddings in place of replacing them",
  category,
  case: "gemma4_unified/image",
  at: merged,
  model(model) {
    change(mediaModel(model), "merge_features", (right) => (inputs_embeds, mask, features) => {
      const scattered = right(inputs_embeds, mask, features);
      const width = scattered.size(-1);
      return mapElements(scattered, (value, index) =>
        mask.data[Math.floor(index / width)] === 1 ? value + inputs_embeds.data![index]! : value,
      );
    });
  },
};

export const imagesOnePlaceLate: PlantedFault = {
  id: "soft-tokens-one-place-late",
  title: "soft tokens written from the token behind the first placeholder on",
  category,
  case: "gemma4_unified/everything",
  at: merged,
  model(model) {
    change(mediaModel(model), "merge_features", (right) => (inputs_embeds, { shape, data }, features) => {
      const late = indexTensor(
        shape,
        data.map((_, index) => data[index - 1] ?? 0),
      );
      return right(inputs_embeds, late, features);
    });
  },
};

export const mediaDropped: PlantedFault = {
  id: "image-features-dropped",
  title: "images embedded but never put in place of their tokens",
  category,
  case: "gemma4_unified/image",
  at: merged,
  model(model) {
    mediaModel(model).merge_features = ({ shape, data }) => floatTensor(shape, data);
  },
};
