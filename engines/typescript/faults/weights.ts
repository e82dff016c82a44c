/** Weights that are not where the model looks for them: converters, loaders, shards. */
import type { Tensor } from "../tensor/tensor.ts";
import { layer, layers, linear, mapElements, pick, pickChannels, pickRows, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "weight-layout";

/** Rows regrouped from halves to pairs within each of `groups` heads, as a converter does for interleaved rope. */
function toPairs(weight: Tensor, groups: number): Tensor {
  const dim = weight.size(0) / groups;
  return pickRows(weight, (row) => {
    const place = row % dim;
    return row - place + (place % 2) * (dim / 2) + Math.floor(place / 2);
  });
}

/** The inverse of `toPairs`. */
function toHalves(weight: Tensor, groups: number): Tensor {
  const dim = weight.size(0) / groups;
  return pickRows(weight, (row) => {
    const place = row % dim;
    return row - place + (place < dim / 2 ? 2 * place : 2 * place - dim + 1);
  });
}

/** The matrix [N, M] read as if its memory held [M, N]. */
function transposed(weight: Tensor): Tensor {
  const [rows, columns] = [weight.size(0), weight.size(1)];
  return pick(weight, (index) => (index % columns) * rows + Math.floor(index / columns));
}

export const keyPermutedByQueryHeads: PlantedFault = {
  id: "tinyllama-permute-gqa",
  title: "k_proj's rows permuted with the number of query heads",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.3.self_attn.k_proj:out`,
  model(model) {
    const k_proj = linear(model, 3, "self_attn.k_proj");
    k_proj.weight = toHalves(toPairs(k_proj.weight, 2), 4);
  },
};

export const queryPermuted: PlantedFault = {
  id: "q-proj-permuted",
  title: "q_proj's rows permuted for interleaved rope in an engine that rotates halves",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn.q_proj:out`,
  model(model) {
    const q_proj = linear(model, 4, "self_attn.q_proj");
    q_proj.weight = toPairs(q_proj.weight, 4);
  },
};

export const fusedByHead: PlantedFault = {
  id: "neox-qkv-headmajor",
  title: "a fused qkv weight [q, k, v] split as if it held [q, k, v] of each key head",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.1.self_attn.q_proj:out`,
  model(model) {
    const { q_proj, k_proj, v_proj } = layer(model, 1).self_attn;
    const projections = [q_proj, k_proj!, v_proj!];
    const width = q_proj.weight.size(1);
    const sizes = projections.map(({ weight }) => weight.size(0) / 2); // rows of one key head's group
    const group = sizes.reduce((sum, size) => sum + size, 0);
    const fused = projections.flatMap(({ weight }) => (weight.data ? [...weight.data] : []));
    let first = 0;
    for (const [index, { weight }] of projections.entries()) {
      const [size, start] = [sizes[index]!, first];
      const source = (row: number): number => Math.floor(row / size) * group + start + (row % size);
      projections[index]!.weight = mapElements(
        weight,
        (_, i) => fused[source(Math.floor(i / width)) * width + (i % width)]!,
      );
      first += size;
    }
  },
};

export const squareTransposed: PlantedFault = {
  id: "square-weight-transposed",
  title: "a square v_proj stored transposed, which no shape check sees",
  category,
  case: "gemma4_unified/causal_lm",
  at: `${textOnlyLayers}.4.self_attn.v_proj:out`,
  model(model) {
    const v_proj = linear(model, 4, "self_attn.v_proj");
    v_proj.weight = transposed(v_proj.weight);
  },
};

export const reshapedForTransposed: PlantedFault = {
  id: "weight-reshaped-not-transposed",
  title: "o_proj reshaped where it had to be transposed",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn.o_proj:out`,
  model(model) {
    const o_proj = linear(model, 6, "self_attn.o_proj");
    o_proj.weight = transposed(o_proj.weight);
  },
};

export const weightOfNextLayer: PlantedFault = {
  id: "weight-of-next-layer",
  title: "down_proj loaded from the next layer",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.mlp.down_proj:out`,
  weights: (name, tensor, all) =>
    name === `${layers}.3.mlp.down_proj.weight` ? all.get(`${layers}.4.mlp.down_proj.weight`)! : tensor,
};

export const weightLeftAtInit: PlantedFault = {
  id: "norm-weight-left-at-init",
  title: "a norm weight that the loader skipped: all ones",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.post_feedforward_layernorm:out`,
  weights: (name, tensor) =>
    name === `${layers}.5.post_feedforward_layernorm.weight` ? mapElements(tensor, () => 1) : tensor,
};

export const shardsSwapped: PlantedFault = {
  id: "tensor-parallel-shards-swapped",
  title: "the input shards of o_proj joined in the wrong order",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.7.self_attn.o_proj:out`,
  model(model) {
    const o_proj = linear(model, 7, "self_attn.o_proj");
    const half = o_proj.weight.size(1) / 2;
    o_proj.weight = pickChannels(o_proj.weight, (column) => (column + half) % (2 * half));
  },
};

export const shardMissing: PlantedFault = {
  id: "tensor-parallel-sum-missing",
  title: "down_proj's partial sum of the second shard not added",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.8.mlp.down_proj:out`,
  model(model) {
    const down_proj = linear(model, 8, "mlp.down_proj");
    const columns = down_proj.weight.size(1);
    down_proj.weight = mapElements(down_proj.weight, (value, index) => (index % columns < columns / 2 ? value : 0));
  },
};

export const queryKeySwapped: PlantedFault = {
  id: "k-v-weights-swapped",
  title: "k_proj and v_proj loaded under each other's name",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.3.self_attn.k_proj:out`,
  model(model) {
    const [k_proj, v_proj] = [linear(model, 3, "self_attn.k_proj"), linear(model, 3, "self_attn.v_proj")];
    [k_proj.weight, v_proj.weight] = [v_proj.weight, k_proj.weight];
  },
};
