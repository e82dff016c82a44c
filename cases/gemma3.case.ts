import type { CaseDefinition } from "../harness/case/case.ts";
import { defineCase, planPhases } from "../harness/case/case.ts";
import { drawUniform } from "../harness/trace/draw.ts";
import { elementCount, float32Tensor, int64Tensor, toNumbers } from "../harness/trace/tensor.ts";
import { decoder } from "./decoder.inputs.ts";
import { textInputs } from "./gemma4_unified.inputs.ts";

/** Begin, image and end; the placeholder's id lies outside the vocabulary. */
const [boi, image, eoi] = [178, 195, 182];
const [imageSize, tokensPerImage] = [12, 4];

/**
 * A sliding and a full layer, a window shorter than an image; a tower of two layers over 6 x 6 patches of 2 x 2 pixels,
 * pooled to 2 x 2 tokens.
 */
const config = {
  architectures: ["Gemma3ForConditionalGeneration"],
  model_type: "gemma3",
  text_config: {
    ...decoder,
    model_type: "gemma3_text",
    head_dim: 14,
    hidden_activation: "gelu_pytorch_tanh",
    rope_parameters: {
      sliding_attention: { rope_type: "default", rope_theta: 12_345 },
      full_attention: { rope_type: "linear", rope_theta: 54_321, factor: 3 },
    },
    query_pre_attn_scalar: 9,
    sliding_window: 3,
    layer_types: ["sliding_attention", "full_attention"],
    final_logit_softcapping: 2.5, // the reference does not apply it here
  },
  vision_config: {
    model_type: "siglip_vision_model",
    hidden_size: 30,
    intermediate_size: 46,
    num_hidden_layers: 1,
    num_attention_heads: 3,
    image_size: imageSize,
    patch_size: 2,
    layer_norm_eps: 2e-3,
    hidden_act: "gelu_pytorch_tanh",
    vision_use_head: false,
  },
  mm_tokens_per_image: tokensPerImage,
  boi_token_index: boi,
  eoi_token_index: eoi,
  image_token_index: image,
  tie_word_embeddings: true,
};

/**
 * One sequence for each list of numbers of text tokens, with an image between every two of them, padded on the left;
 * tokens and pixels drawn from the seed.
 */
function imageInputs(rows: readonly (readonly number[])[]): CaseDefinition["inputs"] {
  return (seed) => {
    const sequences = rows.map((texts, row) => withImages(seed, row, texts));
    const longest = Math.max(...sequences.map(({ length }) => length));
    const padded = (value: (token: number) => number) =>
      sequences.flatMap((ids) => [...new Array<number>(longest - ids.length).fill(0), ...ids.map(value)]);
    const shape = [rows.length, longest];
    const images = rows.reduce((count, { length }) => count + length - 1, 0);
    const pixels = [images, 3, imageSize, imageSize];
    return new Map([
      [
        "input_ids",
        int64Tensor(
          padded((token) => token),
          shape,
        ),
      ],
      [
        "attention_mask",
        int64Tensor(
          padded(() => 1),
          shape,
        ),
      ],
      [
        "token_type_ids",
        int64Tensor(
          padded((token) => (token === image ? 1 : 0)),
          shape,
        ),
      ],
      ["pixel_values", float32Tensor(drawUniform(seed, "pixel_values", elementCount(pixels), -1, 1), pixels)],
    ]);
  };
}

function withImages(seed: number, row: number, texts: readonly number[]): number[] {
  const block = [boi, ...new Array<number>(tokensPerImage).fill(image), eoi];
  const drawn = [
    ...toNumbers(textInputs(seed + row, [texts.reduce((sum, length) => sum + length, 0)]).get("input_ids")!),
  ];
  return texts.flatMap((length, place) => [...(place === 0 ? [] : block), ...drawn.splice(0, length)]);
}

export const cases = [
  defineCase({
    name: "gemma3/images",
    title: "gemma3: two images in one sequence, one in a shorter one that is padded on the left, and a decode step",
    config,
    inputs: imageInputs([
      [2, 1, 3],
      [3, 2],
    ]),
    phases: planPhases({ chunks: [16], decode: 2, full: true }),
  }),
];
