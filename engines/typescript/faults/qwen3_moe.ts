/** Faults of qwen3_moe ports. */
import type { DecoderForCausalLM, DecoderModel } from "../layers/decoder.ts";
import type { Qwen3MoeSparseMoeBlock } from "../models/qwen3_moe.ts";
import { roundedTensor } from "../tensor/tensor.ts";
import { change, mapElements, part, pickChannels, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "qwen3_moe";

export const normIgnored: PlantedFault = {
  id: "qwen3-moe-norm-topk-prob-ignored",
  title: "norm_topk_prob not read, so that weights do not sum to 1",
  category,
  case: "qwen3_moe/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.1`,
  model(model) {
    part<Qwen3MoeSparseMoeBlock>(model, `${textOnlyLayers}.1.mlp`).gate.norm_topk_prob = false;
  },
};

export const sigmoidScores: PlantedFault = {
  id: "qwen3-moe-sigmoid-scores",
  title: "experts weighted by sigmoids, as in the router of deepseek_v3, not by a softmax",
  category,
  case: "qwen3_moe/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.1`,
  model(model) {
    const { gate } = part<Qwen3MoeSparseMoeBlock>(model, `${textOnlyLayers}.1.mlp`);
    gate.softmax = (logits) => mapElements(logits, (logit) => 1 / (1 + Math.exp(-logit)));
  },
};

export const routerInBfloat16: PlantedFault = {
  id: "qwen3-moe-router-softmax-bf16",
  title: "the softmax of one router in bfloat16, not in float32",
  category,
  case: "qwen3_moe/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.1`,
  model(model) {
    const { gate } = part<Qwen3MoeSparseMoeBlock>(model, `${textOnlyLayers}.1.mlp`);
    change(gate, "softmax", (right) => (logits, dtype) => {
      const { shape, data } = right(logits, "BF16");
      return roundedTensor(shape, data, dtype);
    });
  },
};

export const gateUpInterleaved: PlantedFault = {
  id: "qwen3-moe-gate-up-interleaved",
  title: "gate and up taken from every other channel of the fused projection, as gpt_oss stores them",
  category,
  case: "qwen3_moe/chunked",
  at: `${textOnlyLayers}.1.mlp.experts:out`,
  model(model) {
    const { experts } = part<Qwen3MoeSparseMoeBlock>(model, `${textOnlyLayers}.1.mlp`);
    change(experts, "chunk", (right) => (gate_up) => {
      const half = gate_up.size(-1) / 2;
      return right(pickChannels(gate_up, (channel) => (channel % half) * 2 + Math.floor(channel / half)));
    });
  },
};

export const windowOfDenseQwen: PlantedFault = {
  id: "qwen3-moe-first-layers-full",
  title: "the first layers see everything, as max_window_layers says in the dense model, where all of this one slide",
  category,
  case: "qwen3_moe/chunked",
  at: `${textOnlyLayers}.0.self_attn#mask`,
  model(model) {
    const layer_types = ["full_attention", "sliding_attention"] as const;
    (model.root as DecoderForCausalLM).layer_types = layer_types;
    part<DecoderModel>(model, "model").layer_types = layer_types;
  },
};

export const causes = {
  "qwen3-moe-norm-topk-prob-ignored": "routing/weights softmax x 1$|div:without the second",
  "qwen3-moe-sigmoid-scores": "sigmoid",
  "qwen3-moe-router-softmax-bf16": "bfloat16",
  "qwen3-moe-gate-up-interleaved": "2 x 26|26 x 2|interleaved",
  "qwen3-moe-first-layers-full": "window",
};
