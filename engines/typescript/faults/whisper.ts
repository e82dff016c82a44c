/** Faults of whisper ports. */
import type { MaskTensor, Tensor } from "../tensor/tensor.ts";
import { floatTensor, indexTensor, maskTensor } from "../tensor/tensor.ts";
import { activations } from "../kernels/activations.ts";
import type { Conv1d } from "../layers/conv1d.ts";
import { EncoderDecoderCache } from "../layers/encoder_decoder.ts";
import type { WhisperEncoder } from "../models/whisper/model.ts";
import type { WhisperAttention, WhisperPositionalEmbedding } from "../models/whisper/layers.ts";
import { change, changeCache, mapElements, part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "whisper";
const speech = "whisper/speech";

export const keyBias: PlantedFault = {
  id: "whisper-k-proj-bias",
  title: "k_proj, which has no bias, given that of q_proj by a loader that fuses the three",
  category,
  case: speech,
  at: "model.encoder.layers.0.self_attn.k_proj:out",
  model(model) {
    const { k_proj, q_proj } = part<WhisperAttention>(model, "model.encoder.layers.0.self_attn");
    k_proj.bias = q_proj.bias;
  },
};

export const convPadding: PlantedFault = {
  id: "whisper-conv-same-padding",
  title: "the halving convolution padded at its end alone, as `same` padding of other frameworks does",
  category,
  case: speech,
  at: "model.encoder.conv2:out",
  model(model) {
    change(part<Conv1d>(model, "model.encoder.conv2"), "forward", (right) => (x) => right(oneEarlier(x)));
  },
};

export const stemActivation: PlantedFault = {
  id: "whisper-stem-gelu-tanh",
  title: "gelu computed with tanh between the convolutions",
  category,
  case: speech,
  at: "model.encoder.conv2:in",
  model(model) {
    const encoder = part<WhisperEncoder>(model, "model.encoder");
    encoder.activate = (x) => mapElements(x, activations.gelu_new);
  },
};

export const causalCross: PlantedFault = {
  id: "whisper-cross-causal",
  title: "attention to the encoder masked as if its places were earlier tokens",
  category,
  case: speech,
  at: "model.decoder.layers.1.encoder_attn#mask",
  model(model) {
    let seen = 0;
    change(model.root, "create_masks_for_generate", (right) => (request) => {
      seen = request.cache?.seq_length ?? 0;
      return right(request);
    });
    const { attention } = part<WhisperAttention>(model, "model.decoder.layers.1.encoder_attn");
    change(attention, "forward", (right) => (query, key, value, mask) => right(query, key, value, causal(mask, seen)));
  },
};

export const positionsRestart: PlantedFault = {
  id: "whisper-positions-restart",
  title: "positions of the decoder from 0 in every forward",
  category,
  case: speech,
  at: "model.decoder.embed_positions:out",
  phase: "chunk:1",
  model(model) {
    const positions = part<WhisperPositionalEmbedding>(model, "model.decoder.embed_positions");
    change(positions, "forward", (right) => (ids, position_ids) => {
      const length = ids.size(1);
      const first = position_ids!.data.map((_, i) => position_ids!.data[Math.floor(i / length) * length]!);
      return right(
        ids,
        indexTensor(
          ids.shape,
          position_ids!.data.map((position, i) => position - first[i]!),
        ),
      );
    });
  },
};

export const scaledTwice: PlantedFault = {
  id: "whisper-scaled-twice",
  title: "scores scaled though the queries are already",
  category,
  case: speech,
  at: "model.decoder.layers.0.self_attn#scores",
  model(model) {
    const attention = part<WhisperAttention>(model, "model.decoder.layers.0.self_attn");
    attention.scaling = attention.query_scaling;
  },
};

export const crossSwapped: PlantedFault = {
  id: "whisper-cross-cache-swapped",
  title: "keys and values of the encoder's output kept in each other's place",
  category,
  case: speech,
  at: "cache.1.cross_key",
  model(model) {
    changeCache(model, (cache) => {
      if (cache instanceof EncoderDecoderCache) cache.cross[1]!.keep = ([key, value]) => [value, key];
    });
  },
};

export const interleavedSinusoids: PlantedFault = {
  id: "whisper-sinusoids-interleaved",
  title: "the encoder's position table with sines and cosines in turn, not side by side",
  category,
  case: speech,
  at: "model.encoder.embed_positions:out",
  weights(name, tensor) {
    if (name !== "model.encoder.embed_positions.weight") return tensor;
    const [width, data] = [tensor.size(1), tensor.data!];
    const from = (column: number) => (column % 2) * (width / 2) + Math.floor(column / 2);
    return floatTensor(
      tensor.shape,
      data.map((_, i) => data[i - (i % width) + from(i % width)]!),
    );
  },
};

/** [B, C, T] read one place later: the first of the places that padding at both ends would give is lost. */
function oneEarlier(x: Tensor): Tensor {
  const [length, data] = [x.size(2), x.data];
  return floatTensor(x.shape, data && data.map((_, i) => (i % length === length - 1 ? 0 : data[i + 1]!)), x.dtype);
}

function causal(mask: MaskTensor, seen: number): MaskTensor {
  const [queries, keys] = [mask.size(2), mask.size(3)];
  const readable = (i: number) => i % keys <= seen + (Math.floor(i / keys) % queries);
  return maskTensor(mask.shape, mask.data && mask.data.map((_, i) => (readable(i) ? 1 : 0)));
}

export const causes = {
  "whisper-conv-same-padding": "conv1d 1: axis 2 shifted back, zeros",
  "whisper-stem-gelu-tanh": "GELU \\(tanh\\)",
  "whisper-k-proj-bias": "q_proj\\.bias|of q_proj",
  "whisper-cross-causal": "keys up to the query",
  "whisper-positions-restart": "restart|from 0|start at 0",
  "whisper-scaled-twice": "0\\.2887",
  "whisper-cross-cache-swapped": "v_proj:out|#value|value",
  "whisper-sinusoids-interleaved": "interleaved|blocks 2|order of 2",
};
