import { roundedTensor } from "../tensor/tensor.ts";
import { attention, change, layers, mapElements } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "attention-scale";

export const attentionScale: PlantedFault = {
  id: "llamacpp-gemma27b-scale",
  title: "scores multiplied by 1/sqrt(head_dim) where q and k are normed and the scale is 1",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.self_attn#scores`,
  model(model) {
    const { attention: core } = attention(model, 2);
    core.scaling = core.head_dim ** -0.5;
  },
};

export const yarnScaleSquared: PlantedFault = {
  id: "mscale-squared-applied",
  title: "scores multiplied by the squared YaRN factor mscale in a model without YaRN",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn#scores`,
  model(model) {
    attention(model, 6).scaling *= (0.1 * Math.log(4) + 1) ** 2;
  },
};

export const scaleInDecodeOnly: PlantedFault = {
  id: "scale-in-decode-only",
  title: "the decode kernel scales scores by 1/sqrt(head_dim), prefill does not",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.3.self_attn#scores`,
  phase: "decode:1",
  model(model) {
    const { attention: core } = attention(model, 3);
    change(core, "compute_scores", (right) => (query, key) => {
      const factor = query.size(2) === 1 ? core.head_dim ** -0.5 : 1;
      return mapElements(right(query, key), (score) => score * factor);
    });
  },
};

export const temperatureTuning: PlantedFault = {
  id: "llama4-temp-tuning",
  title: "queries at later positions multiplied by Llama 4's logarithmic temperature",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.4.self_attn#q_rope`,
  phase: "decode:2",
  model(model) {
    const self_attn = attention(model, 4);
    let start = 0;
    change(self_attn, "forward", (right) => (hidden_states, inputs) => {
      start = inputs.cache?.layers[4]?.cumulative_length ?? 0;
      return right(hidden_states, inputs);
    });
    change(self_attn, "query_states", (right) => (hidden_states, rope) => {
      const query = right(hidden_states, rope); // [B, heads, S, D]
      const [tokens, dim] = [query.size(2), query.size(3)];
      const temperature = (token: number): number => 1 + 0.1 * Math.log(Math.floor((start + token + 1) / 8) + 1);
      return mapElements(query, (value, index) => value * temperature(Math.floor(index / dim) % tokens));
    });
  },
};

export const scaleOfOneHead: PlantedFault = {
  id: "scale-per-head-broadcast",
  title: "a per-head scale meant for another layer multiplies the scores of head 3",
  category,
  case: "gemma4_unified/causal_lm",
  at: "model.layers.3.self_attn#scores",
  model(model) {
    change(attention(model, 3).attention, "compute_scores", (right) => (query, key) => {
      const scores = right(query, key); // [B, heads, S, T]
      const [heads, block] = [scores.size(1), scores.size(2) * scores.size(3)];
      const data = scores.data?.map((score, index) => (Math.floor(index / block) % heads === 3 ? score * 1.25 : score));
      return roundedTensor(scores.shape, data ?? null, scores.dtype);
    });
  },
};

export const attentionCapped: PlantedFault = {
  id: "vllm-gemma2-softcap-window",
  title: "attention scores soft-capped at 50, as in Gemma 2",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn#scores`,
  model(model) {
    change(
      attention(model, 3).attention,
      "compute_scores",
      (right) => (query, key) => mapElements(right(query, key), (score) => Math.tanh(score / 50) * 50),
    );
  },
};

export const softmaxPlusOne: PlantedFault = {
  id: "softmax-plus-one",
  title: "a one added to the softmax's sum, as by an attention sink",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.1.self_attn#probs`,
  model(model) {
    change(attention(model, 1).attention, "compute_probs", (right) => (scores) => {
      const [width, data] = [scores.size(-1), scores.data];
      const sinked = (row: number): number => {
        const values = data!.subarray(row * width, (row + 1) * width);
        const sum = values.reduce((total, score) => total + Math.exp(score), 0);
        return sum / (sum + 1);
      };
      return mapElements(right(scores), (p, index) => p * sinked(Math.floor(index / width)));
    });
  },
};
