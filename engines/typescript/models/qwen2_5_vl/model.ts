/**
 * qwen2_5_vl, read beside transformers 5.24.0, `models/qwen2_5_vl/modeling_qwen2_5_vl.py`: same classes, order and
 * names. `vision.ts` and `text.ts` hold the vision tower and the language model of that file.
 */
import { EngineError } from "../../../../harness/engine/implementation.ts";
import { errorCodes } from "../../../../harness/engine/notifications.ts";
import type { CausalModelInputs, ModalityInputs, PositionRequest } from "../../layers/causal_model.ts";
import { ConfiguredModule } from "../../layers/configured_module.ts";
import { DecoderForCausalLM } from "../../layers/decoder.ts";
import type { Grid } from "../../layers/vision_grid.ts";
import { grids } from "../../layers/vision_grid.ts";
import { cast } from "../../tensor/elementwise.ts";
import { countTrue, maskedScatter, where } from "../../tensor/select.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import { indexTensor, ShapeError } from "../../tensor/tensor.ts";
import type { Qwen2_5_VLConfig } from "./config.ts";
import { Qwen2_5_VLTextModel } from "./text.ts";
import { Qwen2_5_VisionTransformerPretrainedModel } from "./vision.ts";

/** Positions in time, height and width. */
export type Position = readonly [t: number, h: number, w: number];

/** Types of tokens, as `mm_token_type_ids` has them. */
const [TEXT, IMAGE, VIDEO] = [0, 1, 2];

/** The inputs that 3-D positions follow from; types and mask are [B, S]. */
interface RopeIndexInputs extends Pick<ModalityInputs, "image_grid_thw" | "video_grid_thw" | "second_per_grid_ts"> {
  readonly mm_token_type_ids: IndexTensor;
  readonly attention_mask: IndexTensor;
}

/** Embeds tokens, images and videos, and runs the language model: input_ids [B, S] -> [B, S, hidden_size]. */
export class Qwen2_5_VLModel extends ConfiguredModule<Qwen2_5_VLConfig> {
  image_token_id = this.config.image_token_id;
  video_token_id = this.config.video_token_id;
  spatial_merge_size = this.config.vision_config.spatial_merge_size;
  tokens_per_second = this.config.vision_config.tokens_per_second;
  visual = new Qwen2_5_VisionTransformerPretrainedModel(this.at.child("visual"), this.config.vision_config);
  language_model = new Qwen2_5_VLTextModel(this.at.child("language_model"), this.config.text_config);
  /** The lead [B] of the positions of each sequence over the number of its tokens, since its first forward. */
  rope_deltas: readonly number[] | null = null;

  /** Positions of the tokens of one image or video, the first frame at `start_position`. */
  get_vision_position_ids(start_position: number, [t, h, w]: Grid, time_interval: number): Position[] {
    const [rows, columns] = [Math.floor(h / this.spatial_merge_size), Math.floor(w / this.spatial_merge_size)];
    return Array.from({ length: t * rows * columns }, (_, token) => {
      const frame = Math.floor(token / (rows * columns));
      const [row, column] = [Math.floor(token / columns) % rows, token % columns];
      return [Math.floor(frame * time_interval) + start_position, row + start_position, column + start_position];
    });
  }

  /** The first position behind an image or video that began at `start_position`. */
  position_after_vision(start_position: number, [, h, w]: Grid): number {
    return start_position + Math.floor(Math.max(h, w) / this.spatial_merge_size);
  }

  /**
   * Positions [B, S, 3], 0 for padding, and for each sequence the position behind its last token less the number of its
   * tokens.
   */
  get_rope_index(inputs: RopeIndexInputs): { position_ids: IndexTensor; mrope_position_deltas: number[] } {
    const { attention_mask, mm_token_type_ids: types, image_grid_thw, video_grid_thw, second_per_grid_ts } = inputs;
    const [batch, length] = types.shape as [number, number];
    const position_ids = new Int32Array(batch * length * 3);
    const images = (image_grid_thw ? grids(image_grid_thw) : []).values();
    const videos = (video_grid_thw ? grids(video_grid_thw) : []).values();
    const seconds = [...(second_per_grid_ts?.data ?? [])].values();
    const mrope_position_deltas: number[] = [];
    for (let b = 0; b < batch; b++) {
      const real = Array.from({ length }, (_, i) => b * length + i).filter((i) => attention_mask.data[i] === 1);
      const llm_positions: Position[] = [];
      let current_pos = 0;
      while (llm_positions.length < real.length) {
        const type = types.data[real[llm_positions.length]!]!;
        if (type === TEXT) {
          llm_positions.push([current_pos, current_pos, current_pos]);
          current_pos++;
          continue;
        }
        const grid_thw = (type === IMAGE ? images : videos).next().value;
        if (!grid_thw) throw misfit(type, "an item for each run of its tokens in mm_token_type_ids", "fewer");
        const time_interval = type === VIDEO ? this.tokens_per_second * (seconds.next().value ?? 1) : 1;
        llm_positions.push(...this.get_vision_position_ids(current_pos, grid_thw, time_interval));
        if (llm_positions.length > real.length) throw misfit(type, "no more tokens than mm_token_type_ids has", "more");
        current_pos = this.position_after_vision(current_pos, grid_thw);
      }
      for (const [token, position] of llm_positions.entries()) position_ids.set(position, real[token]! * 3);
      mrope_position_deltas.push(this.position_delta(llm_positions));
    }
    return { position_ids: indexTensor([batch, length, 3], position_ids), mrope_position_deltas };
  }

  /** The position behind the last token less the number of tokens. */
  position_delta(llm_positions: readonly Position[]): number {
    return llm_positions.reduce((last, position) => Math.max(last, ...position), -1) + 1 - llm_positions.length;
  }

  /** Soft tokens of all videos: [tokens, hidden_size]. */
  get_video_features(pixel_values_videos: Tensor, video_grid_thw: IndexTensor): Tensor {
    return this.visual.call(cast(pixel_values_videos, this.context.dtype), video_grid_thw)[1];
  }

  /** Soft tokens of all images: [tokens, hidden_size]. */
  get_image_features(pixel_values: Tensor, image_grid_thw: IndexTensor): Tensor {
    return this.visual.call(cast(pixel_values, this.context.dtype), image_grid_thw)[1];
  }

  /** 1 where a token stands for a soft token of an image or of a video. */
  get_placeholder_mask(input_ids: IndexTensor): { special_image_mask: IndexTensor; special_video_mask: IndexTensor } {
    return {
      special_image_mask: where(input_ids, (id) => id === this.image_token_id),
      special_video_mask: where(input_ids, (id) => id === this.video_token_id),
    };
  }

  /** Features in place of their placeholder tokens. Throws ShapeError when their numbers differ. */
  merge_features(inputs_embeds: Tensor, special_mask: IndexTensor, features: Tensor): Tensor {
    const expected = [countTrue(special_mask), features.size(1)];
    if (features.size(0) !== expected[0])
      throw new ShapeError("soft tokens for the placeholders of input_ids", { expected, found: features.shape });
    return maskedScatter(inputs_embeds, special_mask, features);
  }

  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const { pixel_values, image_grid_thw, pixel_values_videos, video_grid_thw } = inputs;
    let inputs_embeds = this.language_model.embed_tokens.call(input_ids); // [B, S, hidden_size]
    const image_embeds = pixel_values && image_grid_thw && this.get_image_features(pixel_values, image_grid_thw);
    const video_embeds =
      pixel_values_videos && video_grid_thw && this.get_video_features(pixel_values_videos, video_grid_thw);
    const { special_image_mask, special_video_mask } = this.get_placeholder_mask(input_ids);
    if (image_embeds) inputs_embeds = this.merge_features(inputs_embeds, special_image_mask, image_embeds);
    if (video_embeds) inputs_embeds = this.merge_features(inputs_embeds, special_video_mask, video_embeds);
    return this.language_model.call(null, inputs, inputs_embeds);
  }
}

function misfit(type: number, expected: string, found: string): EngineError {
  const where = type === IMAGE ? "image_grid_thw" : "video_grid_thw";
  return new EngineError(errorCodes.badInput, `${where}: expected ${expected}, found ${found}`, {
    where,
    expected,
    found,
  });
}

/** The multimodal model: input_ids [B, S], images and videos -> logits [B, S, vocab_size]. */
export class Qwen2_5_VLForConditionalGeneration extends DecoderForCausalLM<Qwen2_5_VLConfig> {
  override readonly modalities: readonly (keyof ModalityInputs)[] = [
    "pixel_values",
    "image_grid_thw",
    "pixel_values_videos",
    "video_grid_thw",
    "second_per_grid_ts",
  ];
  model = this.at.module("model", Qwen2_5_VLModel);
  lm_head = this.head("model.language_model.embed_tokens.weight");

  /**
   * Positions [B, S, 3]: of all tokens from the grids, or, in forwards that continue a cache, those of the text and
   * `rope_deltas`.
   */
  override create_position_ids(attention_mask: IndexTensor, request: PositionRequest): IndexTensor {
    const text_positions = super.create_position_ids(attention_mask, request); // [B, S]
    const { mm_token_type_ids, image_grid_thw, video_grid_thw } = request;
    if (!request.is_first_iteration && this.model.rope_deltas !== null)
      return this.expand_positions(text_positions, this.model.rope_deltas);
    if (mm_token_type_ids === null || (image_grid_thw === null && video_grid_thw === null)) {
      this.model.rope_deltas = new Array<number>(text_positions.size(0)).fill(0);
      return this.expand_positions(text_positions, this.model.rope_deltas);
    }
    const found = this.model.get_rope_index({ ...request, mm_token_type_ids, attention_mask });
    this.model.rope_deltas = found.mrope_position_deltas;
    return found.position_ids;
  }

  /** [B, S], plus the number of each sequence, three times: [B, S, 3]. */
  expand_positions(text_positions: IndexTensor, rope_deltas: readonly number[]): IndexTensor {
    const [, length] = text_positions.shape as [number, number];
    const expanded = Int32Array.from({ length: text_positions.data.length * 3 }, (_, i) => {
      const token = Math.floor(i / 3);
      return text_positions.data[token]! + rope_deltas[Math.floor(token / length)]!;
    });
    return indexTensor([...text_positions.shape, 3], expanded);
  }
}
