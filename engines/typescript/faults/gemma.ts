/** Faults of gemma ports. */
import { activations } from "../kernels/activations.ts";
import type { GemmaModel } from "../models/gemma.ts";
import { addNumber, mulRows } from "../tensor/elementwise.ts";
import { activation, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "gemma";

export const legacyActivation: PlantedFault = {
  id: "gemma-legacy-gelu",
  title: "hidden_act gelu taken at its word, where it stands for the tanh approximation",
  category,
  case: "gemma/chunked",
  at: `${textOnlyLayers}.1.mlp.act_fn:out`,
  model(model) {
    activation(model, 1).activation = activations.gelu;
  },
};

export const embeddingsNotScaled: PlantedFault = {
  id: "gemma-embeddings-not-scaled",
  title: "embeddings as they stand in the table, as in the graph of llama",
  category,
  case: "gemma/chunked",
  at: "model.embed_tokens:out",
  model(model) {
    part<GemmaModel>(model, "model").embed_tokens.embed_scale = 1;
  },
};

export const finalNormWithoutOne: PlantedFault = {
  id: "gemma-final-norm-plus-one-missing",
  title: "the final norm multiplies by weight, not by 1 + weight, as its converter left it out",
  category,
  case: "gemma/chunked",
  at: "model.norm:out",
  model(model) {
    const faulty = part<GemmaModel>(model, "model").norm;
    faulty.forward = (hidden_states) => mulRows(faulty._norm(hidden_states), faulty.weight!);
  },
};

export const plusOneTwice: PlantedFault = {
  id: "gemma-norm-plus-one-twice",
  title: "1 added to the weight of one norm by the converter, and again in the graph",
  category,
  case: "gemma/chunked",
  at: `${textOnlyLayers}.1.input_layernorm:out`,
  weights: (name, tensor) => (name === `${textOnlyLayers}.1.input_layernorm.weight` ? addNumber(tensor, 1) : tensor),
};

export const causes = {
  "gemma-legacy-gelu": "gelu_erf",
  "gemma-embeddings-not-scaled": "mul",
  "gemma-final-norm-plus-one-missing": "weight",
  "gemma-norm-plus-one-twice": "add=2|weight/",
};
