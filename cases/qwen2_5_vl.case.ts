import { defineCase, planPhases } from "../harness/case/case.ts";
import { decoder } from "./decoder.inputs.ts";
import { gridInputs, tokens } from "./qwen2_5_vl.inputs.ts";

/**
 * Patches of 2 frames of 2 x 2 pixels, 2 x 2 of them a token, 2 x 2 tokens a window; one block that attends within
 * windows, one within frames.
 */
const vision_config = {
  model_type: "qwen2_5_vl_vision",
  depth: 2,
  hidden_size: 40,
  hidden_act: "silu",
  intermediate_size: 52,
  num_heads: 5,
  in_channels: 3,
  patch_size: 2,
  spatial_merge_size: 2,
  temporal_patch_size: 2,
  tokens_per_second: 5,
  window_size: 8,
  out_hidden_size: 48,
  fullatt_block_indexes: [1],
  rope_parameters: { rope_type: "axial", rope_theta: 321 },
};

/** 4 heads of 12 channels; of the 6 frequencies 1 turns with time, 2 with the height, 3 with the width. */
const config = {
  architectures: ["Qwen2_5_VLForConditionalGeneration"],
  model_type: "qwen2_5_vl",
  text_config: {
    ...decoder,
    model_type: "qwen2_5_vl_text",
    hidden_size: 48,
    rope_parameters: { rope_type: "default", rope_theta: 12_345, mrope_section: [1, 2, 3] },
  },
  vision_config,
  image_token_id: tokens.image,
  video_token_id: tokens.video,
  vision_start_token_id: tokens.start,
  vision_end_token_id: tokens.end,
  tie_word_embeddings: false,
};

const sizes = { patch_dim: 3 * 2 * 2 * 2, spatial_merge_size: 2 };

export const cases = [
  defineCase({
    name: "qwen2_5_vl/images",
    title:
      "qwen2_5_vl: images of three sizes in a left-padded batch, a chunk and a decode step behind them, and one full forward",
    config,
    inputs: gridInputs(
      [
        [{ text: 2 }, { image: [1, 6, 4] }, { text: 1 }, { image: [1, 4, 10] }, { text: 4 }],
        [{ text: 3 }, { image: [1, 4, 6] }, { text: 9 }],
      ],
      sizes,
    ),
    phases: planPhases({ chunks: [24, 2], decode: 1, full: true }),
  }),
  defineCase({
    name: "qwen2_5_vl/video",
    title: "qwen2_5_vl: an image, a video of three steps in time, and a decode step",
    config,
    inputs: gridInputs(
      [[{ text: 2 }, { image: [1, 4, 2] }, { text: 1 }, { video: [3, 2, 6] }, { text: 2 }]],
      sizes,
      [0.5],
    ),
    phases: planPhases({ chunks: [19], decode: 1, full: false }),
  }),
];
