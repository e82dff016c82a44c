/** Faults of albert ports. */
import { activations } from "../kernels/activations.ts";
import type { AlbertAttention, AlbertForMaskedLM, AlbertLayer, AlbertTransformer } from "../models/albert.ts";
import { change, part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "albert";
const group = (n: number) => `albert.encoder.albert_layer_groups.${n}`;

export const groupsAlternate: PlantedFault = {
  id: "albert-groups-alternate",
  title: "groups taken in turn, not one after the other: pass 1 goes through group 1",
  category,
  case: "albert/masked_lm",
  at: `${group(0)}:in@1`,
  model(model) {
    const encoder = part<AlbertTransformer>(model, "albert.encoder");
    encoder.group_idx = (i) => i % encoder.num_hidden_groups;
  },
};

export const scaledByHiddenSize: PlantedFault = {
  id: "albert-scale-of-embedding-size",
  title: "attention scaled by the width of the embeddings, not of a head, in the second group",
  category,
  case: "albert/masked_lm",
  at: `${group(1)}.albert_layers.0.attention#scores`,
  model(model) {
    const attention = part<AlbertAttention>(model, `${group(1)}.albert_layers.0.attention`);
    attention.scaling = 22 ** -0.5;
  },
};

export const normOfAttention: PlantedFault = {
  id: "albert-ffn-residual-missing",
  title: "the MLP's output normed without the residual",
  category,
  case: "albert/masked_lm",
  at: `${group(0)}.albert_layers.0.full_layer_layer_norm:in`,
  model(model) {
    part<AlbertLayer>(model, `${group(0)}.albert_layers.0`).add_residual = (ffn_output) => ffn_output;
  },
};

export const secondPassOther: PlantedFault = {
  id: "albert-second-pass-activation",
  title: "a shared layer whose second pass runs another activation: a graph that was traced once",
  category,
  case: "albert/masked_lm",
  at: `${group(0)}.albert_layers.0.activation:out@1`,
  model(model) {
    const { activation } = part<AlbertLayer>(model, `${group(0)}.albert_layers.0`);
    let passes = 0;
    change(activation, "forward", (right) => (input) => {
      activation.activation = passes++ % 2 === 0 ? activations.gelu_new : activations.relu;
      return right(input);
    });
  },
};

export const headWithoutNorm: PlantedFault = {
  id: "albert-head-norm-missing",
  title: "the head's LayerNorm skipped",
  category,
  case: "albert/masked_lm",
  at: "predictions.LayerNorm:out",
  model({ root }) {
    (root as AlbertForMaskedLM).predictions.LayerNorm.forward = (x) => x;
  },
};

export const innerLayersShared: PlantedFault = {
  id: "albert-inner-layers-shared",
  title: "the layers of a group taken for one layer: the second has the MLP of the first",
  category,
  case: "albert/inner_group",
  at: "encoder.albert_layer_groups.0.albert_layers.1.ffn:out",
  model(model) {
    const layer = (n: number) => part<AlbertLayer>(model, `encoder.albert_layer_groups.0.albert_layers.${n}`);
    layer(1).ffn.weight = layer(0).ffn.weight;
  },
};

export const causes = {
  "albert-scale-of-embedding-size": "mul=0\\.2132",
  "albert-ffn-residual-missing": "add:without the second",
  "albert-second-pass-activation": "module/relu",
  "albert-head-norm-missing": "norm/none|argument 0|:in in its place|left out",
  "albert-inner-layers-shared": "weight of .*albert_layers\\.0\\.ffn",
};
