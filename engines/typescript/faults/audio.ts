import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { boolTensor, float32Tensor, toNumbers } from "../../../harness/trace/tensor.ts";
import { rms_norm } from "../kernels/normalization.ts";
import { floatTensor, indexTensor } from "../tensor/tensor.ts";
import { change, mediaModel, part, pickRows, skip } from "./model-parts.ts";
import type { RMSNorm } from "../layers/normalization.ts";
import type { PlantedFault } from "./planted.ts";

const category = "audio";
const merged = "model.language_model:in";
const taken = "model.embed_audio:in";

/** An inputs hook that changes the audio features [clips, frames, width]; `faulty` gets the width and all values. */
function changeFeatures(
  faulty: (values: Float32Array, shape: readonly number[]) => Float32Array,
): NonNullable<PlantedFault["inputs"]> {
  return (tensors: ReadonlyMap<string, RawTensor>) => {
    const raw = tensors.get("input_features")!;
    const values = faulty(Float32Array.from(toNumbers(raw)), raw.shape);
    return new Map(tensors).set("input_features", float32Tensor(values, raw.shape));
  };
}

export const framesOffByOne: PlantedFault = {
  id: "audio-frames-off-by-one",
  title: "audio tokens taken one frame late",
  category,
  case: "gemma4_unified/audio",
  at: merged,
  model(model) {
    change(
      mediaModel(model),
      "get_audio_features",
      (right) =>
        (features, { shape, data }) =>
          right(
            features,
            indexTensor(
              shape,
              data.map((_, frame) => data[frame - 1] ?? 0),
            ),
          ),
    );
  },
};

export const paddingOnTheLeft: PlantedFault = {
  id: "audio-padding-side",
  title: "the padding of an audio clip taken to be in front of it",
  category,
  case: "gemma4_unified/audio",
  at: merged,
  model(model) {
    change(
      mediaModel(model),
      "get_audio_features",
      (right) =>
        (features, { shape, data }) =>
          right(features, indexTensor(shape, data.toReversed())),
    );
  },
};

export const framesReversed: PlantedFault = {
  id: "audio-frames-reversed",
  title: "the real frames of a clip in reverse order",
  category,
  case: "gemma4_unified/everything",
  at: merged,
  model(model) {
    change(mediaModel(model), "get_audio_features", (right) => (...inputs) => {
      const frames = right(...inputs);
      return pickRows(frames, (row) => frames.size(0) - 1 - row);
    });
  },
};

export const paddingFilled: PlantedFault = {
  id: "fasterwhisper-pad-mel",
  title: "the padded tail of the audio features filled with the logarithm of silence in place of zeros",
  category,
  case: "gemma4_unified/audio",
  at: taken,
  inputs: changeFeatures((values, [, frames = 0, width = 1]) =>
    values.map((value, index) => (Math.floor(index / width) % frames >= 9 ? -1 : value)),
  ),
};

export const featuresTransposed: PlantedFault = {
  id: "audio-features-transposed",
  title: "audio features read as [width, frames]",
  category,
  case: "gemma4_unified/audio",
  at: taken,
  inputs: changeFeatures((values, [, frames = 0, width = 1]) =>
    values.map((_, index) => values[(index % width) * frames + Math.floor(index / width)]!),
  ),
};

export const featureGain: PlantedFault = {
  id: "mvlm-gemma4-hann",
  title: "audio features of a window shifted by half a sample: each frame mixed with a little of the next",
  category,
  case: "gemma4_unified/audio",
  at: taken,
  inputs: changeFeatures((values, [, , width = 1]) =>
    values.map((value, index) => 0.98 * value + 0.02 * (values[index + width] ?? value)),
  ),
};

export const oneFrameLess: PlantedFault = {
  id: "tjs-granite-frames",
  title: "one padded frame less: the number of frames rounded down",
  category,
  case: "gemma4_unified/audio",
  at: taken,
  inputs(tensors) {
    const [features, mask] = [tensors.get("input_features")!, tensors.get("input_features_mask")!];
    const [clips, frames, width] = features.shape as [number, number, number];
    const values = Float32Array.from(toNumbers(features)).subarray(0, (frames - 1) * width);
    return new Map(tensors)
      .set("input_features", float32Tensor(values, [clips, frames - 1, width]))
      .set("input_features_mask", boolTensor(toNumbers(mask).subarray(0, frames - 1), [clips, frames - 1]));
  },
};

export const normMissing: PlantedFault = {
  id: "audio-norm-missing",
  title: "audio frames projected without being normed",
  category,
  case: "gemma4_unified/audio",
  at: "model.embed_audio.embedding_pre_projection_norm:out",
  model: (model) => skip(part<RMSNorm>(model, "model.embed_audio.embedding_pre_projection_norm")),
};

export const normOverClip: PlantedFault = {
  id: "audio-norm-over-clip",
  title: "audio frames normed by the root mean square of the whole clip, padding included",
  category,
  case: "gemma4_unified/audio",
  at: "model.embed_audio.embedding_pre_projection_norm:out",
  model(model) {
    const norm = part<RMSNorm>(model, "model.embed_audio.embedding_pre_projection_norm");
    norm._norm = ({ data, shape }) => floatTensor(shape, data && rms_norm(data, data.length, norm.eps));
  },
};
