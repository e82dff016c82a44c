/** Inputs of the corpus: what each kind of architecture reads, drawn from a seed. */
import type { Inputs } from "../../../harness/case/case.ts";
import { drawUniform } from "../../../harness/trace/draw.ts";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { elementCount, float32Tensor, int64Tensor, toNumbers } from "../../../harness/trace/tensor.ts";
import { decoderInputs } from "../../../cases/decoder.inputs.ts";

type Tensors = Readonly<Record<string, RawTensor>>;

/** Tokens that stand for a place of an image in the tiny configs; mllama's image is one token. */
const [imageToken, mllamaToken] = [190, 184];

function drawn(seed: number, name: string, shape: readonly number[]): RawTensor {
  return float32Tensor(drawUniform(seed, name, elementCount(shape), -1, 1.5), shape);
}

function filled(value: number, shape: readonly number[]): RawTensor {
  return int64Tensor(new Array<number>(elementCount(shape)).fill(value), shape);
}

const tokens = (seed: number, lengths: readonly number[], more: Tensors = {}): Inputs =>
  new Map([...decoderInputs(lengths)(seed), ...Object.entries(more)]);

/** Tokens with some ids changed. */
function renumbered(seed: number, lengths: readonly number[], change: (id: number) => number): Inputs {
  const ids = decoderInputs(lengths)(seed).get("input_ids")!;
  return tokens(seed, lengths, { input_ids: int64Tensor(Array.from(toNumbers(ids), change), ids.shape) });
}

/** One sequence of `length` tokens, `count` of them places of an image from `at` on. */
function withImage(
  seed: number,
  image: { length: number; at: number; count: number; token?: number },
  more: Tensors,
): Inputs {
  const { length, at, count, token = imageToken } = image;
  const ids = Array.from(toNumbers(decoderInputs([length])(seed).get("input_ids")!));
  ids.fill(token, at, at + count);
  return tokens(seed, [length], { input_ids: int64Tensor(ids, [1, length]), ...more });
}

const pixels = (seed: number, images: number): RawTensor => drawn(seed, "pixel_values", [images, 3, 28, 28]);

/** A model that reads no tokens has a batch of images, clips or frames alone. */
const media =
  (name: string, shape: readonly number[]) =>
  (seed: number): Inputs =>
    new Map([[name, drawn(seed, name, shape)]]);

/** Inputs by the name that `configs.json` calls them. */
export const inputsOf: Readonly<Record<string, (seed: number) => Inputs>> = {
  dec: decoderInputs([11, 8]),
  decn: decoderInputs([11, 11]),
  long: decoderInputs([60]),
  // Padding is token 1 where the config says so.
  pad1: (seed) => renumbered(seed, [11, 8], (id) => (id === 0 ? 1 : id === 1 ? 5 : id)),
  pad1n: (seed) => renumbered(seed, [11, 11], (id) => (id < 3 ? 7 : id)),
  s2s: (seed) => {
    const encoder = decoderInputs([9, 6])(seed + 77);
    return tokens(seed, [8, 6], {
      encoder_input_ids: encoder.get("input_ids")!,
      encoder_attention_mask: encoder.get("attention_mask")!,
    });
  },
  pix: media("pixel_values", [2, 3, 28, 28]),
  wav: media("input_values", [2, 240]),
  mel: media("input_features", [2, 40, 16]),
  clip: (seed) => tokens(seed, [11, 8], { pixel_values: pixels(seed, 2) }),
  moon: (seed) => tokens(seed, [8, 6], { input_values: drawn(seed, "input_values", [2, 4000]) }),
  s2t: (seed) => tokens(seed, [8, 6], { input_features: drawn(seed, "input_features", [2, 40, 10]) }),
  llava: (seed) => withImage(seed, { length: 24, at: 3, count: 16 }, { pixel_values: pixels(seed, 1) }),
  llava16: (seed) =>
    withImage(
      seed,
      { length: 24, at: 3, count: 16 },
      { pixel_values: pixels(seed, 1), token_type_ids: filled(0, [1, 24]) },
    ),
  internvl: (seed) => withImage(seed, { length: 12, at: 3, count: 4 }, { pixel_values: pixels(seed, 1) }),
  lfmvl: (seed) =>
    withImage(
      seed,
      { length: 16, at: 3, count: 6 },
      {
        pixel_values: drawn(seed, "pixel_values", [1, 24, 147]),
        spatial_shapes: int64Tensor([4, 6], [1, 2]),
        pixel_attention_mask: filled(1, [1, 24]),
      },
    ),
  qvl: (seed) =>
    withImage(
      seed,
      { length: 30, at: 4, count: 24 },
      {
        pixel_values: drawn(seed, "pixel_values", [96, 24]),
        image_grid_thw: int64Tensor([1, 8, 12], [1, 3]),
        mm_token_type_ids: int64Tensor(
          Array.from({ length: 30 }, (_, i) => (i >= 4 && i < 28 ? 1 : 0)),
          [1, 30],
        ),
      },
    ),
  mllama: (seed) =>
    withImage(
      seed,
      { length: 12, at: 2, count: 1, token: mllamaToken },
      {
        pixel_values: drawn(seed, "pixel_values", [1, 1, 2, 3, 28, 28]),
        aspect_ratio_ids: int64Tensor([2], [1, 1]),
        aspect_ratio_mask: filled(1, [1, 1, 2]),
        cross_attention_mask: int64Tensor(
          Array.from({ length: 24 }, (_, i) => (i >= 4 ? 1 : 0)),
          [1, 12, 1, 2],
        ),
      },
    ),
};
