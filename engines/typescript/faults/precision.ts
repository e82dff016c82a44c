import type { Linear } from "../layers/linear.ts";
import { add, scale } from "../tensor/elementwise.ts";
import { roundedTensor } from "../tensor/tensor.ts";
import { attention, change, changeCache, layer, layers, linear, mapElements, norm } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";
import { bf16, fp16, tf32 } from "./rounding.ts";

const category = "precision";

export const softmaxBf16: PlantedFault = {
  id: "softmax-bf16",
  title: "attention probabilities of one layer rounded to bfloat16",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn#probs`,
  model(model) {
    change(attention(model, 4).attention, "compute_probs", (right) => (scores) => mapElements(right(scores), bf16));
  },
};

export const scoresBf16: PlantedFault = {
  id: "scores-bf16",
  title: "attention scores of one layer rounded to bfloat16",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.6.self_attn#scores`,
  model(model) {
    change(
      attention(model, 6).attention,
      "compute_scores",
      (right) => (query, key) => mapElements(right(query, key), bf16),
    );
  },
};

/** Makes a linear round its sum with `round` after every 8 products. */
function accumulateIn(module: Linear, round: (value: number) => number): void {
  module.forward = (x) => {
    const [columns, inner] = module.weight.shape as [number, number];
    const out = new Float32Array(x.rows * columns);
    const [values, weight] = [x.data!, module.weight.data!];
    for (let index = 0; index < out.length; index++) {
      const [row, column] = [Math.floor(index / columns) * inner, (index % columns) * inner];
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum += values[row + k]! * weight[column + k]!;
        if (k % 8 === 7) sum = round(sum);
      }
      out[index] = sum;
    }
    return roundedTensor(x.shape.with(-1, columns), out, x.dtype);
  };
}

export const accumulatedInFp16: PlantedFault = {
  id: "ort-gemma3-fp16",
  title: "down_proj accumulates in float16",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.mlp.down_proj:out`,
  model: (model) => accumulateIn(linear(model, 3, "mlp.down_proj"), fp16),
};

export const accumulatedInBf16: PlantedFault = {
  id: "linear-accumulates-in-bf16",
  title: "o_proj rounds its sum to bfloat16 after every 8 products",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.self_attn.o_proj:out`,
  model: (model) => accumulateIn(linear(model, 5, "self_attn.o_proj"), bf16),
};

export const inputsTf32: PlantedFault = {
  id: "tf32-matmul",
  title: "q_proj multiplies in TF32: 10 bits of mantissa",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.self_attn.q_proj:out`,
  model(model) {
    const q_proj = linear(model, 7, "self_attn.q_proj");
    q_proj.weight = mapElements(q_proj.weight, tf32);
    change(q_proj, "forward", (right) => (x) => right(mapElements(x, tf32)));
  },
};

export const weightBf16: PlantedFault = {
  id: "weight-rounded-to-bf16",
  title: "one float32 weight stored in bfloat16 by the converter",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.mlp.up_proj:out`,
  weights: (name, tensor) => (name === `${layers}.2.mlp.up_proj.weight` ? mapElements(tensor, bf16) : tensor),
};

export const weightInt8: PlantedFault = {
  id: "weight-quantised-int8",
  title: "one weight quantised to 8 bits with one scale for all of it",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.6.mlp.gate_proj:out`,
  weights(name, tensor) {
    if (name !== `${layers}.6.mlp.gate_proj.weight`) return tensor;
    const step = tensor.data!.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 127;
    return mapElements(tensor, (value) => Math.round(value / step) * step);
  },
};

export const residualFp16: PlantedFault = {
  id: "mlx-gemma3-fp16-residual",
  title: "the residual stream of one layer kept in float16",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.pre_feedforward_layernorm:in`,
  model(model) {
    const at = layer(model, 4);
    at.forward = (hidden_states, inputs) => {
      const attention = at.self_attn.call(at.input_layernorm.call(hidden_states), inputs);
      const attended = mapElements(add(hidden_states, at.post_attention_layernorm.call(attention)), fp16);
      const fed = at.post_feedforward_layernorm.call(at.mlp.call(at.pre_feedforward_layernorm.call(attended)));
      return scale(mapElements(add(attended, fed), fp16), at.layer_scalar);
    };
  },
};

export const normRounded: PlantedFault = {
  id: "norm-rounded-before-weight",
  title: "a norm rounds to bfloat16 before it multiplies by its weight, as Llama's does",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.pre_feedforward_layernorm:out`,
  model(model) {
    change(
      norm(model, 6, "pre_feedforward_layernorm"),
      "_norm",
      (right) => (states) => mapElements(right(states), bf16),
    );
  },
};

export const cacheBf16: PlantedFault = {
  id: "kv-cache-bf16",
  title: "the cache of one layer kept in bfloat16",
  category,
  case: "gemma4_unified/decode",
  at: "cache.4.key",
  model(model) {
    changeCache(model, ({ layers: all }) =>
      change(all[4]!, "keep", (right) => (full) => {
        const [key, value] = right(full);
        return [mapElements(key, bf16), mapElements(value, bf16)];
      }),
    );
  },
};

export const scalarRounded: PlantedFault = {
  id: "layer-scalar-bf16",
  title: "layer_scalar of one layer rounded to bfloat16",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7:out`,
  model(model) {
    const at = layer(model, 7);
    at.layer_scalar = mapElements(at.layer_scalar, bf16);
  },
};
