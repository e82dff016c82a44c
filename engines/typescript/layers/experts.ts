import type { ActivationName } from "../kernels/activations.ts";
import { linear, linear_transposed } from "../kernels/linear.ts";
import type { WeightArray } from "../kernels/packed.ts";
import { PackedHalves } from "../kernels/packed.ts";
import { mul } from "../tensor/elementwise.ts";
import { slice } from "../tensor/layout.ts";
import { round } from "../tensor/rounding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { Activation } from "./activations.ts";
import { Module } from "./module.ts";
import { addRows } from "./pointwise.ts";
import type { ExpertIndices } from "./router.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/**
 * All experts of a layer as one module: each runs on the tokens that were sent to it, and a token gets the weighted sum
 * of what its experts return.
 */
export abstract class Experts extends Module {
  num_experts: number;

  constructor(at: Scope, num_experts: number) {
    super(at);
    this.num_experts = num_experts;
  }

  /** Expert `expert_idx` on its tokens: [tokens, hidden_size] -> the same shape. */
  abstract expert(current_state: Tensor, expert_idx: number): Tensor;

  /**
   * hidden_states [tokens, hidden_size], indices and weights [tokens, k] -> the shape of hidden_states; sums in the
   * order of the experts.
   */
  forward(hidden_states: Tensor, top_k_index: ExpertIndices, top_k_weights: Tensor): Tensor {
    const { data, shape, dtype } = hidden_states;
    expectShape(`weights of ${this.path}`, top_k_weights.shape, top_k_index.shape);
    if (data === null || top_k_index.data === null || top_k_weights.data === null) {
      this.expert(hidden_states, 0); // for its shapes
      return floatTensor(shape, null, dtype);
    }
    const [width, k, rounded] = [hidden_states.size(-1), top_k_index.size(-1), round[dtype]];
    const final_hidden_states = new Float32Array(data.length);
    for (let expert_idx = 0; expert_idx < this.num_experts; expert_idx++) {
      const hits = [...top_k_index.data.keys()].filter((place) => top_k_index.data![place] === expert_idx);
      if (hits.length === 0) continue;
      const tokens = hits.map((place) => Math.floor(place / k));
      const { data: states } = this.expert(gatherTokens(hidden_states, tokens), expert_idx);
      for (const [row, token] of tokens.entries()) {
        const weight = top_k_weights.data[hits[row]!]!;
        for (let i = 0; i < width; i++) {
          const weighted = rounded(Math.fround(states![row * width + i]! * weight));
          final_hidden_states[token * width + i] = rounded(final_hidden_states[token * width + i]! + weighted);
        }
      }
    }
    return floatTensor(shape, final_hidden_states, dtype);
  }

  /** `x @ weight[expert_idx].T` for weights [experts, out, in] of all experts. */
  linear(x: Tensor, weight: Tensor, expert_idx: number): Tensor {
    const [, columns, inner] = weight.shape as [number, number, number];
    expectShape(`input of an expert of ${this.path}`, x.shape, x.shape.with(-1, inner));
    const shape = x.shape.with(-1, columns);
    if (x.data === null || weight.storage === null) return floatTensor(shape, null, x.dtype);
    const matrix = expertMatrix(weight, expert_idx);
    return roundedTensor(shape, linear(x.data, matrix, null, { rows: x.rows, inner, columns }), x.dtype);
  }

  /**
   * `x @ weight[expert_idx] + bias[expert_idx]` for weights [experts, in, out] and biases [experts, out]; the product
   * is rounded before the sum.
   */
  affine(x: Tensor, weight: Tensor, bias: Tensor, expert_idx: number): Tensor {
    const [, inner, columns] = weight.shape as [number, number, number];
    expectShape(`input of an expert of ${this.path}`, x.shape, x.shape.with(-1, inner));
    const shape = x.shape.with(-1, columns);
    if (x.data === null || weight.storage === null) return floatTensor(shape, null, x.dtype);
    const [matrix, sizes] = [expanded(expertMatrix(weight, expert_idx)), { rows: x.rows, inner, columns }];
    const product = linear_transposed(x.data, matrix, new Float32Array(columns), sizes);
    const row = floatTensor([columns], expanded(expertMatrix(bias, expert_idx)));
    return addRows(roundedTensor(shape, product, x.dtype), row);
  }
}

/** Experts that are gated MLPs, with gate and up projection in one tensor, one behind the other. */
export class GatedExperts extends Experts {
  /** [experts, 2 * intermediate, hidden_size]. */
  gate_up_proj: Tensor;
  /** [experts, hidden_size, intermediate]. */
  down_proj: Tensor;
  act_fn: Activation;

  constructor(at: Scope, { experts, hidden, intermediate, activation }: GatedExpertsOptions) {
    super(at, experts.value);
    const gate_up = { value: 2 * intermediate.value, text: `2 x ${intermediate.text}` };
    this.gate_up_proj = at.weight("gate_up_proj", [experts, gate_up, hidden]);
    this.down_proj = at.weight("down_proj", [experts, hidden, intermediate]);
    this.act_fn = new Activation(at.child("act_fn"), activation);
  }

  expert(current_state: Tensor, expert_idx: number): Tensor {
    const [gate, up] = this.chunk(this.linear(current_state, this.gate_up_proj, expert_idx)); // [n, intermediate]
    return this.linear(mul(this.act_fn.forward(gate), up), this.down_proj, expert_idx); // [n, hidden_size]
  }

  /** Gate and up: the first and the second half of the channels. */
  chunk(gate_up: Tensor): readonly [gate: Tensor, up: Tensor] {
    const width = gate_up.size(-1);
    return [slice(gate_up, 1, 0, width / 2), slice(gate_up, 1, width / 2, width)];
  }
}

/** The options of gated experts. */
export interface GatedExpertsOptions {
  readonly experts: Size;
  readonly hidden: Size;
  readonly intermediate: Size;
  readonly activation: ActivationName;
}

/** The numbers of one expert in a tensor of all, [experts, ...]: a view, packed where the tensor is. */
function expertMatrix({ weights, shape }: Tensor, expert_idx: number): WeightArray {
  const length = shape.slice(1).reduce((product, size) => product * size, 1);
  return weights!.subarray(expert_idx * length, (expert_idx + 1) * length);
}

function expanded(weight: WeightArray): Float32Array {
  return weight instanceof PackedHalves ? weight.expand() : weight;
}

function gatherTokens({ data, shape, dtype }: Tensor, tokens: readonly number[]): Tensor {
  const width = shape.at(-1)!;
  const rows = new Float32Array(tokens.length * width);
  for (const [row, token] of tokens.entries())
    rows.set(data!.subarray(token * width, (token + 1) * width), row * width);
  return floatTensor([tokens.length, width], rows, dtype);
}
