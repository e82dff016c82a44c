/**
 * whisper, read beside transformers 5.24.0, `models/whisper/modeling_whisper.py`: same classes, order and names.
 * `layers.ts` holds the embedding of positions and the layers.
 */
import type { CausalModelInputs } from "../../layers/causal_model.ts";
import { ConfiguredModule } from "../../layers/configured_module.ts";
import { Conv1d } from "../../layers/conv1d.ts";
import { EncoderDecoderRootModel } from "../../layers/encoder_decoder.ts";
import { everythingReadable } from "../../layers/masks.ts";
import { LayerNorm } from "../../layers/normalization.ts";
import { gelu } from "../../layers/pointwise.ts";
import { add, cast } from "../../tensor/elementwise.ts";
import { concat, reshape, swapMiddle } from "../../tensor/layout.ts";
import { scratch } from "../../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../../tensor/tensor.ts";
import { expectShape, indexTensor } from "../../tensor/tensor.ts";
import type { WhisperConfig } from "./config.ts";
import { WhisperDecoderLayer, WhisperEncoderLayer, WhisperPositionalEmbedding } from "./layers.ts";

/**
 * input_features [B, num_mel_bins, frames] -> states [B, T, d_model] of T = max_source_positions = frames / 2 places.
 */
export class WhisperEncoder extends ConfiguredModule<WhisperConfig> {
  conv1 = new Conv1d(this.at.child("conv1"), {
    in: this.at.size("num_mel_bins"),
    out: this.at.size("d_model"),
    kernel_size: 3,
    padding: 1,
  });
  conv2 = new Conv1d(this.at.child("conv2"), {
    in: this.at.size("d_model"),
    out: this.at.size("d_model"),
    kernel_size: 3,
    stride: 2,
    padding: 1,
  });
  embed_positions = this.at.embedding("embed_positions", "max_source_positions", "d_model");
  layers = this.at.list("layers", WhisperEncoderLayer, "encoder_layers");
  layer_norm = this.at.norm("layer_norm", LayerNorm, "d_model", { eps: 1e-5 });

  forward(input_features: Tensor): Tensor {
    const places = this.embed_positions.weight.size(0);
    const frames = places * this.conv1.stride * this.conv2.stride;
    expectShape("input_features", input_features.shape, [-1, -1, frames], ":in");
    let inputs_embeds = this.activate(this.conv1.call(input_features)); // [B, d_model, frames]
    inputs_embeds = this.activate(this.conv2.call(inputs_embeds)); // [B, d_model, T]
    inputs_embeds = reshape(swapMiddle(reshape(inputs_embeds, [...inputs_embeds.shape, 1])), [
      inputs_embeds.size(0),
      places,
      -1,
    ]); // [B, T, d_model]
    const all_positions = indexTensor(
      [places],
      Int32Array.from({ length: places }, (_, i) => i),
    );
    const positions = this.embed_positions.call(all_positions); // [T, d_model]
    const of_all = concat(
      Array.from({ length: inputs_embeds.size(0) }, () => reshape(positions, [1, ...positions.shape])),
      0,
    );
    let hidden_states = add(inputs_embeds, of_all);
    const attention_mask = everythingReadable(this.context, [hidden_states, hidden_states], 1);
    for (const encoder_layer of this.layers.elements) {
      const states = hidden_states;
      hidden_states = scratch(() => encoder_layer.call(states, { attention_mask, cache: null }));
    }
    return this.layer_norm.call(hidden_states);
  }

  /** A function, not a module, and not `activation_function`. */
  activate(x: Tensor): Tensor {
    return gelu(x);
  }
}

/** input_ids [B, S] -> normed hidden states [B, S, d_model]. */
export class WhisperDecoder extends ConfiguredModule<WhisperConfig> {
  embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "d_model");
  embed_positions = this.at.embedding("embed_positions", "max_target_positions", "d_model", {
    as: WhisperPositionalEmbedding,
  });
  layers = this.at.list("layers", WhisperDecoderLayer, "decoder_layers");
  layer_norm = this.at.norm("layer_norm", LayerNorm, "d_model", { eps: 1e-5 });

  forward(input_ids: IndexTensor, encoder_hidden_states: Tensor | null, inputs: CausalModelInputs): Tensor {
    const inputs_embeds = this.embed_tokens.call(input_ids);
    const positions = this.embed_positions.call(input_ids, inputs.position_ids);
    let hidden_states = add(inputs_embeds, positions); // [B, S, d_model]
    const { attention_masks, cache } = inputs;
    const attention_mask = attention_masks.full_attention;
    const layer_inputs = { attention_mask, cache, key_value_states: encoder_hidden_states };
    for (const decoder_layer of this.layers.elements) {
      const states = hidden_states;
      hidden_states = scratch(() => decoder_layer.call(states, layer_inputs));
    }
    return this.layer_norm.call(hidden_states);
  }
}

/**
 * input_features, null in forwards that continue a cache, and decoder_input_ids [B, S] -> the decoder's states [B, S,
 * d_model].
 */
export class WhisperModel extends ConfiguredModule<WhisperConfig> {
  encoder = this.at.module("encoder", WhisperEncoder);
  decoder = this.at.module("decoder", WhisperDecoder);

  forward(input_features: Tensor | null, decoder_input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const encoder_hidden_states = input_features && this.encoder.call(input_features);
    return this.decoder.call(decoder_input_ids, encoder_hidden_states, inputs);
  }
}

export class WhisperForConditionalGeneration extends EncoderDecoderRootModel<WhisperConfig> {
  readonly modalities = ["input_features"] as const;
  model = this.at.module("model", WhisperModel);
  proj_out = this.at.linear("proj_out", "d_model", "vocab_size", {
    bias: false,
    tied: this.config.tie_word_embeddings ? { weight: "model.decoder.embed_tokens.weight" } : null,
  });

  /** decoder tokens [B, S] -> logits [B, S, vocab_size]. */
  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const { input_features } = inputs;
    const features = input_features && cast(input_features, this.context.dtype);
    return this.proj_out.call(this.model.call(features, input_ids, inputs));
  }
}
