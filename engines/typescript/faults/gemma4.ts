/** Faults of gemma4 ports: inputs of single layers, and the experts beside the MLP. */
import type { Gemma4TextModel } from "../models/gemma4/model.ts";
import type { Gemma4TextDecoderLayer } from "../models/gemma4/layers.ts";
import { scale } from "../tensor/elementwise.ts";
import { reshape } from "../tensor/layout.ts";
import { change, mapElements, part, skip, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "gemma4";
const layer = (n: number) => `${textOnlyLayers}.${n}`;

export const tableScaledByPackedWidth: PlantedFault = {
  id: "gemma4-per-layer-scale-of-table",
  title: "embeddings per layer times the root of the whole table's width, not of one layer's",
  category,
  case: "gemma4/chunked",
  at: "model.embed_tokens_per_layer:out",
  model(model) {
    const { embed_tokens_per_layer: table } = part<Gemma4TextModel>(model, "model").per_layer!;
    table.embed_scale = Math.fround(Math.sqrt(table.weight.size(1)));
  },
};

export const sumNotHalved: PlantedFault = {
  id: "gemma4-per-layer-input-scale-missing",
  title: "the two parts of a layer's input added without 1 / sqrt(2)",
  category,
  case: "gemma4/chunked",
  at: `${layer(0)}.per_layer_projection:in`,
  model(model) {
    part<Gemma4TextModel>(model, "model").per_layer_input_scale = 1;
  },
};

export const projectionNotScaled: PlantedFault = {
  id: "gemma4-per-layer-projection-scale-missing",
  title: "per_layer_model_projection without 1 / sqrt(hidden_size)",
  category,
  case: "gemma4/chunked",
  at: "model.per_layer_projection_norm:in",
  model(model) {
    part<Gemma4TextModel>(model, "model").per_layer_model_projection_scale = 1;
  },
};

export const inputsOfNextLayer: PlantedFault = {
  id: "gemma4-per-layer-input-of-next-layer",
  title: "each layer gets the input of the next one",
  category,
  case: "gemma4/chunked",
  at: `${layer(0)}.per_layer_projection:in`,
  model(model) {
    const text = part<Gemma4TextModel>(model, "model");
    const { length } = text.layers.elements;
    change(text, "per_layer_input", (right) => (inputs, i) => right(inputs, (i + 1) % length));
  },
};

export const packedByChannel: PlantedFault = {
  id: "gemma4-per-layer-table-transposed",
  title: "the packed table read as [D, layers] per token, not [layers, D]",
  category,
  case: "gemma4/chunked",
  at: `${layer(0)}.per_layer_projection:in`,
  model(model) {
    const text = part<Gemma4TextModel>(model, "model");
    change(text, "get_per_layer_inputs", (right) => (input_ids, at) => {
      const packed = right(input_ids, at);
      const [layers, dim] = [packed.size(2), packed.size(3)];
      return mapElements(packed, (_, i) => {
        const token = i - (i % (layers * dim));
        const [row, column] = [Math.floor((i - token) / dim), i % dim];
        return packed.data![token + column * layers + row]!;
      });
    });
  },
};

export const inputBehindScalar: PlantedFault = {
  id: "gemma4-layer-scalar-before-per-layer-input",
  title: "layer_scalar multiplied before the layer's own input is added",
  category,
  case: "gemma4/chunked",
  at: `${layer(1)}.per_layer_input_gate:in`,
  model(model) {
    const at = part<Gemma4TextDecoderLayer>(model, layer(1));
    const scalar = at.layer_scalar;
    change(
      at,
      "add_per_layer_input",
      (right) => (residual, input, parts) => right(scale(residual, scalar), input, parts),
    );
    at.layer_scalar = mapElements(scalar, () => 1);
  },
};

export const gateNotActivated: PlantedFault = {
  id: "gemma4-per-layer-gate-not-activated",
  title: "no activation on the gate of a layer's own input",
  category,
  case: "gemma4/chunked",
  at: `${layer(2)}.act_fn:out`,
  model(model) {
    part<Gemma4TextDecoderLayer>(model, layer(2)).per_layer!.act_fn.activation = (x) => x;
  },
};

export const routerReadsNormed: PlantedFault = {
  id: "gemma4-router-reads-normed",
  title: "the router reads what the MLP reads, not the residual stream",
  category,
  case: "gemma4/moe",
  at: `${layer(0)}.router.norm:in`,
  model(model) {
    const at = part<Gemma4TextDecoderLayer>(model, layer(0));
    const { router } = at.moe!;
    change(router, "forward", (right) => (hidden_states) => right(at.pre_feedforward_layernorm.forward(hidden_states)));
  },
};

export const routerRootMissing: PlantedFault = {
  id: "gemma4-router-root-size-missing",
  title: "the router's input without 1 / sqrt(hidden_size)",
  category,
  case: "gemma4/moe",
  at: `${layer(1)}.router.proj:in`,
  model(model) {
    part<Gemma4TextDecoderLayer>(model, layer(1)).moe!.router.scalar_root_size = 1;
  },
};

export const expertsNotScaled: PlantedFault = {
  id: "gemma4-per-expert-scale-missing",
  title: "per_expert_scale left out",
  category,
  case: "gemma4/moe",
  at: `${layer(0)}.router:out.1`,
  model(model) {
    part<Gemma4TextDecoderLayer>(model, layer(0)).moe!.router.scale_experts = (weights) => weights;
  },
};

export const expertsNotNormed: PlantedFault = {
  id: "gemma4-post-norm-2-missing",
  title: "the experts' output not normed before it is added to the MLP's",
  category,
  case: "gemma4/moe",
  at: `${layer(1)}.post_feedforward_layernorm_2:out`,
  model(model) {
    skip(part<Gemma4TextDecoderLayer>(model, layer(1)).moe!.post_feedforward_layernorm_2);
  },
};

export const expertsInPlaceOfMlp: PlantedFault = {
  id: "gemma4-experts-replace-mlp",
  title: "the experts in place of the MLP, as in other mixtures, not beside it",
  category,
  case: "gemma4/moe",
  at: `${layer(0)}.post_feedforward_layernorm:in`,
  model(model) {
    const at = part<Gemma4TextDecoderLayer>(model, layer(0));
    at.add_experts = (mlp, residual, moe) => {
      moe.post_feedforward_layernorm_1.call(mlp);
      const tokens = reshape(residual, [-1, residual.size(-1)]);
      const [, top_k_weights, top_k_index] = moe.router.call(tokens);
      const states = moe.experts.call(moe.pre_feedforward_layernorm_2.call(tokens), top_k_index, top_k_weights);
      return moe.post_feedforward_layernorm_2.call(reshape(states, residual.shape));
    };
  },
};

export const causes = {
  "gemma4-per-layer-scale-of-table": "mul=6\\.325",
  "gemma4-per-layer-input-scale-missing": "scaled=1\\.414",
  "gemma4-per-layer-projection-scale-missing": "mul:without the second",
  "gemma4-layer-scalar-before-per-layer-input": "scaled=1\\.344",
  "gemma4-per-layer-gate-not-activated": "gelu:no activation",
  "gemma4-router-reads-normed": "pre_feedforward_layernorm applied",
  "gemma4-router-root-size-missing": "mul:without the second",
  "gemma4-per-expert-scale-missing": "mul:without the second",
  "gemma4-post-norm-2-missing": "no norm without its weight",
  "gemma4-experts-replace-mlp": "add:without the first",
};
