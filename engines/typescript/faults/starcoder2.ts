/** Faults of starcoder2 ports: it is Llama but for its norms, its MLP and its biases. */
import { activations } from "../kernels/activations.ts";
import { rms_norm } from "../kernels/normalization.ts";
import { addRows } from "../layers/pointwise.ts";
import type { LayerNorm } from "../layers/normalization.ts";
import type { Starcoder2DecoderLayer } from "../models/starcoder2.ts";
import { mulRows } from "../tensor/elementwise.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "starcoder2";
const layer = `${textOnlyLayers}.1`;

export const finalNormEps: PlantedFault = {
  id: "starcoder2-final-norm-eps",
  title: "eps of the final norm of starcoder2 1e-5, whatever norm_epsilon says",
  category,
  case: "starcoder2/chunked",
  at: "model.norm:out",
  model(model) {
    part<LayerNorm>(model, "model.norm").eps = 1e-5;
  },
};

export const meanNotSubtracted: PlantedFault = {
  id: "starcoder2-rms-norm-with-bias",
  title: "an RMS norm plus the bias in the place of a layer norm",
  category,
  case: "starcoder2/chunked",
  at: `${layer}.input_layernorm:out`,
  model(model) {
    const { input_layernorm: norm } = part<Starcoder2DecoderLayer>(model, layer);
    norm.forward = (x) => {
      const normed = floatTensor(x.shape, x.data && rms_norm(x.data, x.size(-1), norm.eps), x.dtype);
      return addRows(mulRows(normed, norm.weight), norm.bias!);
    };
  },
};

export const tanhGelu: PlantedFault = {
  id: "starcoder2-gelu-tanh-hardcoded",
  title: "gelu by its tanh formula, the class's default, where hidden_act asks for gelu",
  category,
  case: "starcoder2/chunked",
  at: `${layer}.mlp.act:out`,
  model(model) {
    part<Starcoder2DecoderLayer>(model, layer).mlp.act.activation = activations.gelu_pytorch_tanh;
  },
};

export const outputBiasMissing: PlantedFault = {
  id: "starcoder2-o-proj-bias-missing",
  title: "no bias on o_proj, as Llama has it",
  category,
  case: "starcoder2/chunked",
  at: `${layer}.self_attn.o_proj:out`,
  model(model) {
    part<Starcoder2DecoderLayer>(model, layer).self_attn.o_proj.bias = null;
  },
};

export const windowIgnored: PlantedFault = {
  id: "starcoder2-window-ignored",
  title: "sliding_window of starcoder2 not read: full attention",
  category,
  case: "starcoder2/chunked",
  at: `${textOnlyLayers}.0.self_attn#mask`,
  model({ root }) {
    const { masks } = root as unknown as { masks: { sliding_window: number } };
    masks.sliding_window = 1000;
  },
};

export const causes = {
  "starcoder2-final-norm-eps": "layer_norm=1e-05",
  "starcoder2-rms-norm-with-bias": "norm/rms",
  "starcoder2-gelu-tanh-hardcoded": "gelu:gelu_tanh",
  "starcoder2-o-proj-bias-missing": "weight/bias: zero",
  "starcoder2-window-ignored": "mask/window \\d+ -> 0",
};
