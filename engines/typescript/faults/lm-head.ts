import { drawUniform } from "../../../harness/trace/draw.ts";
import type { Linear } from "../layers/linear.ts";
import type { RMSNorm } from "../layers/normalization.ts";
import { scale } from "../tensor/elementwise.ts";
import type { BuiltModel } from "../fault.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { causalModel, change, layer, mapElements, mediaModel, part, textModel } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "lm-head";

const head = (model: BuiltModel): Linear => part(model, "lm_head");

export const headUntied: PlantedFault = {
  id: "hf-mistral3-tie-nested",
  title: "the tie to the embeddings not seen: the head keeps random weights",
  category,
  case: "gemma4_unified/text",
  at: "lm_head:out",
  model(model) {
    const { weight } = head(model);
    const random = drawUniform(7, "untied", weight.shape[0]! * weight.shape[1]!, -0.3, 0.3);
    head(model).weight = roundedTensor(weight.shape, weight.data && random, weight.dtype);
  },
};

export const headTied: PlantedFault = {
  id: "head-tied-to-embeddings",
  title: "the head tied to the embeddings although the checkpoint has its own weights",
  category,
  case: "gemma4_unified/causal_lm",
  at: "lm_head:out",
  model(model) {
    head(model).weight = textModel(model).embed_tokens.weight;
  },
};

export const headPadded: PlantedFault = {
  id: "mirage-vocab-pad-zero",
  title: "the vocabulary padded with zero rows to a multiple of 64 and never cut back",
  category,
  case: "gemma4_unified/causal_lm",
  at: "lm_head:out",
  model(model) {
    const { weight } = head(model);
    const [rows, width] = [Math.ceil(weight.size(0) / 64) * 64, weight.size(1)];
    const padded = new Float32Array(rows * width);
    if (weight.data) padded.set(weight.data);
    head(model).weight = floatTensor([rows, width], weight.data && padded, weight.dtype);
  },
};

export const headScaled: PlantedFault = {
  id: "mlx-falconh1-tied-mup",
  title: "the tied head's output multiplied by 1/sqrt(hidden_size)",
  category,
  case: "gemma4_unified/decode",
  at: "lm_head:out",
  model(model) {
    change(head(model), "forward", (right) => (hidden_states) => scale(right(hidden_states), 40 ** -0.5));
  },
};

export const capMissing: PlantedFault = {
  id: "mlx-gemma2-softcap",
  title: "logits not soft-capped, which no argmax sees",
  category,
  case: "gemma4_unified/text",
  at: "logits",
  model(model) {
    causalModel(model).final_logit_softcapping = null;
  },
};

export const capDefault: PlantedFault = {
  id: "final-softcap-default",
  title: "logits soft-capped at 30 whatever the config says",
  category,
  case: "gemma4_unified/decode",
  at: "logits",
  model(model) {
    causalModel(model).final_logit_softcapping = 30;
  },
};

export const capTwice: PlantedFault = {
  id: "final-softcap-twice",
  title: "logits soft-capped by the model and again by the sampler",
  category,
  case: "gemma4_unified/image",
  at: "logits",
  model(model) {
    change(causalModel(model), "softcap_logits", (right) => (logits) => right(right(logits)));
  },
};

export const logitsScaled: PlantedFault = {
  id: "vllm-transformers-logits-scale",
  title: "logits divided by a temperature of 1.25 that is not the model's",
  category,
  case: "gemma4_unified/causal_lm",
  at: "logits",
  model(model) {
    change(causalModel(model), "softcap_logits", (right) => (logits) => mapElements(right(logits), (x) => x / 1.25));
  },
};

export const finalNormSkipped: PlantedFault = {
  id: "logits-from-unnormed-states",
  title: "logits computed from the last layer's output before the final norm",
  category,
  case: "gemma4_unified/text",
  at: "model.language_model:out",
  model(model) {
    let last: Tensor | null = null;
    change(layer(model, 8), "forward", (right) => (hidden_states, inputs) => (last = right(hidden_states, inputs)));
    change(textModel(model), "forward", (right) => (...inputs) => {
      const normed = right(...inputs);
      return last ?? normed;
    });
  },
};

export const finalNormTwice: PlantedFault = {
  id: "final-norm-twice",
  title: "the final norm applied by the language model and again before the head",
  category,
  case: "gemma4_unified/text",
  at: "model:out",
  model(model) {
    const norm = part<RMSNorm>(model, "model.language_model.norm");
    change(
      mediaModel(model),
      "forward",
      (right) =>
        (...inputs) =>
          norm.forward(right(...inputs)),
    );
  },
};
