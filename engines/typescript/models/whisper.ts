/**
 * whisper, read beside transformers 5.24.0, `models/whisper/modeling_whisper.py`: same classes, same order, same names. `whisper_layers.ts` holds the
 * embedding of positions and the layers.
 */
import type { CausalModelInputs } from "../layers/causal_model.ts";
import { Conv1d } from "../layers/conv1d.ts";
import { EncoderDecoderRootModel } from "../layers/encoder_decoder.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { everythingReadable } from "../layers/masks.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import { gelu } from "../layers/pointwise.ts";
import type { Scope } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { add, cast } from "../tensor/elementwise.ts";
import { concat, reshape, swapMiddle } from "../tensor/layout.ts";
import { scratch } from "../tensor/scratch.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { expectShape, indexTensor } from "../tensor/tensor.ts";
import type { WhisperConfig } from "./whisper.config.ts";
import { WhisperDecoderLayer, WhisperEncoderLayer, WhisperPositionalEmbedding } from "./whisper_layers.ts";

/** input_features [B, num_mel_bins, frames] -> states [B, T, d_model] of T = max_source_positions = frames / 2 places. */
export class WhisperEncoder extends Module {
  conv1: Conv1d;
  conv2: Conv1d;
  embed_positions: Embedding;
  layers: ModuleList<WhisperEncoderLayer>;
  layer_norm: LayerNorm;

  constructor(config: WhisperConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [bins, embed_dim] = [size(config, "num_mel_bins"), size(config, "d_model")];
    const positions = size(config, "max_source_positions");
    this.conv1 = new Conv1d(at.child("conv1"), { in: bins, out: embed_dim, kernel_size: 3, padding: 1 });
    const halving = { kernel_size: 3, stride: 2, padding: 1 };
    this.conv2 = new Conv1d(at.child("conv2"), { in: embed_dim, out: embed_dim, ...halving });
    this.embed_positions = new Embedding(at.child("embed_positions"), {
      num_embeddings: positions,
      embedding_dim: embed_dim,
    });
    const { encoder_layers } = config;
    this.layers = new ModuleList(at.child("layers"), encoder_layers, (i, at) => new WhisperEncoderLayer(config, i, at));
    this.layer_norm = new LayerNorm(at.child("layer_norm"), { dim: embed_dim });
  }

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
export class WhisperDecoder extends Module {
  embed_tokens: Embedding;
  embed_positions: WhisperPositionalEmbedding;
  layers: ModuleList<WhisperDecoderLayer>;
  layer_norm: LayerNorm;

  constructor(config: WhisperConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const embedding_dim = size(config, "d_model");
    const table = (field: "vocab_size" | "max_target_positions") => ({
      num_embeddings: size(config, field),
      embedding_dim,
    });
    this.embed_tokens = new Embedding(at.child("embed_tokens"), table("vocab_size"));
    const positions = table("max_target_positions");
    this.embed_positions = new WhisperPositionalEmbedding(at.child("embed_positions"), positions);
    const { decoder_layers } = config;
    this.layers = new ModuleList(at.child("layers"), decoder_layers, (i, at) => new WhisperDecoderLayer(config, i, at));
    this.layer_norm = new LayerNorm(at.child("layer_norm"), { dim: embedding_dim });
  }

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

/** input_features, null in forwards that continue a cache, and decoder_input_ids [B, S] -> the decoder's states [B, S, d_model]. */
export class WhisperModel extends Module {
  encoder: WhisperEncoder;
  decoder: WhisperDecoder;

  constructor(config: WhisperConfig, at: Scope) {
    super(at);
    this.encoder = new WhisperEncoder(config, at.child("encoder"));
    this.decoder = new WhisperDecoder(config, at.child("decoder"));
  }

  forward(input_features: Tensor | null, decoder_input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const encoder_hidden_states = input_features && this.encoder.call(input_features);
    return this.decoder.call(decoder_input_ids, encoder_hidden_states, inputs);
  }
}

export class WhisperForConditionalGeneration extends EncoderDecoderRootModel {
  readonly modalities = ["input_features"] as const;
  model: WhisperModel;
  proj_out: Linear;

  constructor(config: WhisperConfig, at: Scope) {
    super(at, at.read(config).decoder_layers);
    config = at.read(config);
    this.model = new WhisperModel(config, at.child("model"));
    const { path, weight } = this.model.decoder.embed_tokens;
    const tied = config.tie_word_embeddings ? { tied: { name: `${path}.weight`, weight } } : {};
    const sizes = { in: size(config, "d_model"), out: size(config, "vocab_size") };
    this.proj_out = new Linear(at.child("proj_out"), { ...sizes, bias: false, ...tied });
  }

  /** decoder tokens [B, S] -> logits [B, S, vocab_size]. */
  forward(input_ids: IndexTensor, inputs: CausalModelInputs): Tensor {
    const { input_features } = inputs;
    const features = input_features && cast(input_features, this.context.dtype);
    return this.proj_out.call(this.model.call(features, input_ids, inputs));
  }
}
