/** Faults that change a value by little more than float32 rounds it: what a fixed tolerance never sees. */
import { softmax } from "../kernels/softmax.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { activation, attention, layers, linear, mapElements, norm, textModel } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";
import { fp16 } from "./rounding.ts";

const category = "near-rounding";

export const epsFp16: PlantedFault = {
  id: "eps-rounded-to-fp16",
  title: "eps 1e-3 kept in float16: 1.0004e-3",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.post_feedforward_layernorm:out`,
  model(model) {
    const module = norm(model, 5, "post_feedforward_layernorm");
    module.eps = fp16(module.eps);
  },
};

export const epsOnePercent: PlantedFault = {
  id: "eps-one-percent-off",
  title: "eps 1.01e-3 in place of 1e-3",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.3.input_layernorm:out`,
  model(model) {
    norm(model, 3, "input_layernorm").eps *= 1.01;
  },
};

export const reciprocalRoot: PlantedFault = {
  id: "rsqrt-approximate",
  title: "the reciprocal root of a norm from an instruction of 16 bits without a correction step",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.input_layernorm:out`,
  model(model) {
    const module = norm(model, 7, "input_layernorm");
    const { dim, eps } = module;
    module._norm = (hidden_states) => {
      const mean = (row: number): number =>
        hidden_states.data!.subarray(row * dim, (row + 1) * dim).reduce((sum, x) => sum + x * x, 0) / dim;
      const root = (row: number): number => {
        const exact = (mean(row) + eps) ** -0.5;
        const step = 2 ** (Math.floor(Math.log2(exact)) - 16);
        return Math.round(exact / step) * step;
      };
      return mapElements(hidden_states, (value, index) => value * root(Math.floor(index / dim)));
    };
  },
};

export const softmaxBaseTwo: PlantedFault = {
  id: "softmax-log2e-rounded",
  title: "the softmax in powers of two with log2(e) rounded to 1.4427",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn#probs`,
  model(model) {
    const base = (Math.round(Math.LOG2E * 1e4) / 1e4) * Math.LN2;
    attention(model, 6).attention.compute_probs = ({ shape, data }) =>
      floatTensor(
        shape,
        data &&
          softmax(
            data.map((score) => (score < -1e30 ? score : score * base)),
            shape.at(-1)!,
          ),
      );
  },
};

export const geluCubic: PlantedFault = {
  id: "gelu-cubic-rounded",
  title: "0.044715 rounded to 0.0447 in the tanh approximation of GELU",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.mlp.act_fn:out`,
  model(model) {
    const inner = Math.sqrt(2 / Math.PI);
    activation(model, 4).activation = (x) => 0.5 * x * (1 + Math.tanh(inner * (x + 0.0447 * x ** 3)));
  },
};

export const thetaOneOff: PlantedFault = {
  id: "rope-theta-one-off",
  title: "theta 54322 in place of 54321",
  category,
  case: "gemma4_unified/text",
  at: "model.language_model.rotary_emb:out@full_attention",
  model(model) {
    const init = textModel(model).rotary_emb.rope["full_attention"]!;
    const { length } = init.inv_freq;
    init.inv_freq = init.inv_freq.map((frequency, i) => frequency * (54_322 / 54_321) ** (-i / length));
  },
};

export const weightElement: PlantedFault = {
  id: "one-weight-element",
  title: "one element of a weight 1 % too large",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.self_attn.o_proj:out`,
  model(model) {
    const o_proj = linear(model, 2, "self_attn.o_proj");
    o_proj.weight = mapElements(o_proj.weight, (value, index) => (index === 1234 ? value * 1.01 : value));
  },
};

export const embedScaleFp16: PlantedFault = {
  id: "embed-scale-rounded-to-fp16",
  title: "sqrt(hidden_size) rounded to float16",
  category,
  case: "gemma4_unified/image",
  at: "model.language_model.embed_tokens:out",
  model(model) {
    const { embed_tokens } = textModel(model);
    embed_tokens.embed_scale = fp16(embed_tokens.embed_scale);
  },
};

export const scaleTruncated: PlantedFault = {
  id: "attention-scale-not-quite-one",
  title: "queries scaled by 1/sqrt(head_dim) in float16 and scores scaled back by sqrt(head_dim)",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.self_attn#scores`,
  model(model) {
    const { attention: core } = attention(model, 5);
    core.scaling = fp16(core.head_dim ** -0.5) * core.head_dim ** 0.5;
  },
};
