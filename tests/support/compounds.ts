/** Engines with two porting bugs at once: at different sites, and at one. */
import type { Fault } from "../../engines/typescript/fault.ts";
import { geluErf } from "../../engines/typescript/faults/activation.ts";
import { attentionCapped, attentionScale } from "../../engines/typescript/faults/attention-scale.ts";
import { queryBiasMissing } from "../../engines/typescript/faults/bias.ts";
import { attention, linear, norm, textOnlyLayers } from "../../engines/typescript/faults/model-parts.ts";
import { epsHardcoded } from "../../engines/typescript/faults/norm-eps.ts";
import { onePlusWeight } from "../../engines/typescript/faults/norm.ts";

/** Plants both faults in one engine: every hook of `first`, then the same hook of `second` on what it left. */
export function together(first: Fault, second: Fault): Fault {
  return {
    id: `${first.id}+${second.id}`,
    title: `${first.title}; ${second.title}`,
    category: "compound",
    config: (config) => {
      const once = first.config?.(config) ?? config;
      return second.config?.(once) ?? once;
    },
    scopeConfig: (scope, config) => {
      const once = first.scopeConfig?.(scope, config) ?? config;
      return second.scopeConfig?.(scope, once) ?? once;
    },
    weights: (name, tensor, all) => {
      const once = first.weights?.(name, tensor, all) ?? tensor;
      return second.weights?.(name, once, all) ?? once;
    },
    model: (model, config) => {
      first.model?.(model, config);
      second.model?.(model, config);
    },
    inputs: (tensors) => {
      const once = first.inputs?.(tensors) ?? tensors;
      return second.inputs?.(once) ?? once;
    },
  };
}

/** A part of a compound that is no fault of the catalogue. */
const small = (id: string, hooks: Partial<Fault>): Fault => ({ id, title: id, category: "compound", ...hooks });

const wrongScale = small("scale-of-layer-3", {
  model(model) {
    const { attention: core } = attention(model, 3);
    core.scaling = core.head_dim ** -0.5;
  },
});

const wrongEps = small("eps-of-post-attention-norm", {
  model(model) {
    norm(model, 6, "post_attention_layernorm").eps = 1e-5;
  },
});

const weightOfOtherLayer = small("q-proj-of-layer-1", {
  weights: (name, tensor, all) =>
    name === `${textOnlyLayers}.2.self_attn.q_proj.weight`
      ? all.get(`${textOnlyLayers}.1.self_attn.q_proj.weight`)!
      : tensor,
});

const wrongEpsInDecoder = small("eps-of-layer-3", {
  model(model) {
    norm(model, 3, "input_layernorm").eps = 1e-5;
  },
});

const biasOfOtherProjection = small("o-proj-bias-of-layer-1", {
  model(model) {
    linear(model, 3, "self_attn.o_proj").bias = linear(model, 1, "self_attn.o_proj").bias;
  },
});

export const epsAndGelu = together(epsHardcoded, geluErf);
export const scaleAndGelu = together(attentionScale, geluErf);
export const epsAndBias = together(wrongEpsInDecoder, biasOfOtherProjection);

export const scaleAndCap = together(wrongScale, attentionCapped);
export const epsAndOnePlusWeight = together(wrongEps, onePlusWeight);
export const noBiasAndOtherWeight = together(queryBiasMissing, weightOfOtherLayer);
