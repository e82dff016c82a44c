/** Faults of pixels and patch embeddings. */
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { float32Tensor, toNumbers } from "../../../harness/trace/tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor, indexTensor } from "../tensor/tensor.ts";
import { change, mapElements, pick, skip, visionEmbedder } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "vision";
const embedder = "model.embed_vision";

/** An inputs hook that changes one float tensor. */
function changeInput(name: string, faulty: (values: Tensor) => Tensor): NonNullable<PlantedFault["inputs"]> {
  return (tensors: ReadonlyMap<string, RawTensor>) => {
    const { shape, ...raw } = tensors.get(name)!;
    const { data } = faulty(floatTensor(shape, Float32Array.from(toNumbers({ shape, ...raw }))));
    return new Map(tensors).set(name, float32Tensor(data!, shape));
  };
}

export const channelOrder: PlantedFault = {
  id: "pixels-bgr",
  title: "pixels in the order blue, green, red",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}:in`,
  inputs: changeInput("pixel_values", (pixels) => pick(pixels, (index) => index - (index % 3) + 2 - (index % 3))),
};

export const patchTransposed: PlantedFault = {
  id: "mvlm-gemma3n-hw-swap",
  title: "height and width of the pixels of a patch exchanged",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}:in`,
  inputs: changeInput("pixel_values", (pixels) =>
    pick(pixels, (index) => {
      const [place, channel] = [Math.floor(index / 3) % 16, index % 3];
      return index - (index % 48) + ((place % 4) * 4 + Math.floor(place / 4)) * 3 + channel;
    }),
  ),
};

export const pixelsNormalised: PlantedFault = {
  id: "pixels-normalised",
  title: "pixels of a video moved to -1 .. 1 where the model takes 0 .. 1",
  category,
  case: "gemma4_unified/everything",
  at: `${embedder}:in@1`,
  inputs: changeInput("pixel_values_videos", (pixels) => mapElements(pixels, (value) => 2 * value - 1)),
};

export const channelsFirst: PlantedFault = {
  id: "patch-channels-first",
  title: "the pixels of a patch flattened channel by channel",
  category,
  case: "gemma4_unified/two_images",
  at: `${embedder}:in`,
  inputs: changeInput("pixel_values", (pixels) =>
    pick(pixels, (index) => index - (index % 48) + ((index % 48) % 16) * 3 + Math.floor((index % 48) / 16)),
  ),
};

export const framesReversed: PlantedFault = {
  id: "video-frames-reversed",
  title: "the frames of a video in reverse order",
  category,
  case: "gemma4_unified/video",
  at: `${embedder}:in`,
  inputs: changeInput("pixel_values_videos", (pixels) => {
    const frame = pixels.size(1) * pixels.size(2);
    return pick(pixels, (index) => (pixels.size(0) - 1 - Math.floor(index / frame)) * frame + (index % frame));
  }),
};

export const axesSwapped: PlantedFault = {
  id: "patch-positions-xy-swapped",
  title: "x and y of the patch positions exchanged",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}.pos_norm:in`,
  model(model) {
    change(
      visionEmbedder(model),
      "pos_embs",
      (right) =>
        ({ shape, data }) =>
          right(
            indexTensor(
              shape,
              data.map((_, index) => data[index ^ 1]!),
            ),
          ),
    );
  },
};

export const positionsFlat: PlantedFault = {
  id: "candle-pixtral-positions",
  title: "patch positions numbered for a grid as wide as the widest image",
  category,
  case: "gemma4_unified/two_images",
  at: `${embedder}.pos_norm:in`,
  model(model) {
    change(visionEmbedder(model), "pos_embs", (right) => ({ shape, data }) => {
      const patches = shape[1]!;
      const flat = data.map((position, index) => {
        const patch = Math.floor(index / 2) % patches;
        return position < 0 ? position : index % 2 === 0 ? patch % 7 : Math.floor(patch / 7);
      });
      return right(indexTensor(shape, flat));
    });
  },
};

export const positionsMissing: PlantedFault = {
  id: "candle-dinov2-posembed",
  title: "patches without position embeddings",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}.pos_norm:in`,
  model(model) {
    change(visionEmbedder(model), "pos_embs", (right) => (positions) => mapElements(right(positions), () => 0));
  },
};

export const tableAxisOrder: PlantedFault = {
  id: "position-table-axis-order",
  title: "the position table [places, axes, width] read as [axes, places, width]",
  category,
  case: "gemma4_unified/video",
  at: `${embedder}.pos_norm:in`,
  model(model) {
    const at = visionEmbedder(model);
    const [places, axes, width] = at.pos_embedding.shape as [number, number, number];
    at.pos_embedding = pick(at.pos_embedding, (index) => {
      const [place, axis] = [Math.floor(index / (axes * width)), Math.floor(index / width) % axes];
      return (axis * places + place) * width + (index % width);
    });
  },
};

export const paddingAtOrigin: PlantedFault = {
  id: "padding-patch-at-origin",
  title: "position -1 of padding patches clamped to 0, so that they get the embedding of the first place",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}.pos_norm:in`,
  model(model) {
    change(
      visionEmbedder(model),
      "pos_embs",
      (right) =>
        ({ shape, data }) =>
          right(
            indexTensor(
              shape,
              data.map((position) => Math.max(position, 0)),
            ),
          ),
    );
  },
};

export const positionsOfFirstImage: PlantedFault = {
  id: "patch-positions-of-first-image",
  title: "the second image placed on the grid of the first",
  category,
  case: "gemma4_unified/two_images",
  at: `${embedder}.pos_norm:in`,
  model(model) {
    change(visionEmbedder(model), "pos_embs", (right) => ({ shape, data }) => {
      const image = shape[1]! * shape[2]!;
      return right(
        indexTensor(
          shape,
          data.map((_, index) => data[index % image]!),
        ),
      );
    });
  },
};

export const positionNormSkipped: PlantedFault = {
  id: "vllm-siglip-postln",
  title: "the projection takes patches before their last layer norm",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}.pos_norm:out`,
  model: (model) => skip(visionEmbedder(model).pos_norm),
};

export const normAfterProjection: PlantedFault = {
  id: "mvlm-gemma4-embedder-norm",
  title: "patches projected before they are normed",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}.multimodal_embedder.embedding_pre_projection_norm:in`,
  model(model) {
    const { multimodal_embedder: at } = visionEmbedder(model);
    const { embedding_pre_projection_norm: norm, embedding_projection: projection } = at;
    norm.dim = projection.weight.size(0);
    at.forward = (inputs_embeds) => norm.call(projection.call(inputs_embeds));
  },
};

export const tableInterpolated: PlantedFault = {
  id: "mvlm-bicubic",
  title: "position embeddings interpolated between places, as if the image had another resolution",
  category,
  case: "gemma4_unified/image",
  at: `${embedder}.pos_norm:in`,
  model(model) {
    const at = visionEmbedder(model);
    const row = at.pos_embedding.size(1) * at.pos_embedding.size(2);
    const { data } = at.pos_embedding;
    at.pos_embedding = mapElements(
      at.pos_embedding,
      (value, index) => 0.9 * value + 0.1 * (data![index + row] ?? value),
    );
  },
};
