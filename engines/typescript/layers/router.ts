import { linear } from "../kernels/linear.ts";
import { softmax } from "../kernels/softmax.ts";
import { gather_columns, normalize_rows, topk_indices } from "../kernels/topk.ts";
import { cast } from "../tensor/elementwise.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import { Tensor, expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/** The numbers of the experts that each token goes to, [tokens, k]; without data in shapes-only mode. */
export type ExpertIndices = Tensor<Int32Array>;

/**
 * The outputs of a router: logits of all experts [tokens, experts], and weights and numbers of the chosen ones, both
 * [tokens, k].
 */
export type Routing = readonly [router_logits: Tensor, top_k_weights: Tensor, top_k_index: ExpertIndices];

/** The options of a router. */
export interface RouterOptions {
  readonly hidden: Size;
  readonly experts: Size;
  readonly top_k: number;
  /** The dtype of the weight; the model's where it is not kept in a wider one. */
  readonly dtype?: FloatDtype;
}

/** The steps by which routers choose experts, whatever they make their logits from. */
export abstract class ExpertChoice extends Module {
  /** The softmax over the last axis, computed in float32 and rounded to `dtype`. */
  softmax(logits: Tensor, dtype: FloatDtype): Tensor {
    return roundedTensor(logits.shape, logits.data && softmax(logits.data, logits.size(-1)), dtype);
  }

  /** The columns of the `k` largest in each row, the largest first. */
  topk(scores: Tensor, k: number): ExpertIndices {
    const { data, shape } = scores;
    return new Tensor(shape.with(-1, k), "I64", data && topk_indices(data, { width: scores.size(-1), k }));
  }

  /** The scores in the columns of `indices`. */
  gather(scores: Tensor, indices: ExpertIndices): Tensor {
    const [width, k] = [scores.size(-1), indices.size(-1)];
    const chosen = scores.data && indices.data && gather_columns(scores.data, indices.data, { width, k });
    return floatTensor(indices.shape, chosen, scores.dtype);
  }

  /** Each row divided by its sum. */
  normalize(weights: Tensor): Tensor {
    const { data, shape, dtype } = weights;
    return roundedTensor(shape, data && normalize_rows(data, weights.size(-1)), dtype);
  }
}

/**
 * A router of a mixture of experts: a projection of each token to one logit per expert, and the choice of
 * the largest.
 */
export abstract class Router extends ExpertChoice {
  weight: Tensor;
  top_k: number;

  constructor(at: Scope, { hidden, experts, top_k, dtype }: RouterOptions) {
    super(at);
    this.weight = at.weight("weight", [experts, hidden], dtype);
    this.top_k = top_k;
  }

  /** hidden_states [tokens, hidden_size]. */
  abstract forward(hidden_states: Tensor): Routing;

  /** hidden_states [tokens, hidden_size] -> [tokens, experts], in the dtype of both. */
  project(hidden_states: Tensor, bias: Tensor | null = null): Tensor {
    const [columns, inner] = this.weight.shape as [number, number];
    expectShape(`input of ${this.path}`, hidden_states.shape, hidden_states.shape.with(-1, inner), ":in");
    const shape = hidden_states.shape.with(-1, columns);
    const [x, weight] = [hidden_states.data, this.weight.weights];
    if (x === null || weight === null) return floatTensor(shape, null, hidden_states.dtype);
    const sizes = { rows: hidden_states.rows, inner, columns };
    return roundedTensor(shape, linear(x, weight, bias?.data ?? null, sizes), hidden_states.dtype);
  }
}

/**
 * A router whose weights are the probabilities of the chosen experts among all, made to sum to 1 where the config says
 * so.
 */
export class SoftmaxTopKRouter extends Router {
  norm_topk_prob: boolean;

  constructor(at: Scope, { norm_topk_prob, ...options }: RouterOptions & { readonly norm_topk_prob: boolean }) {
    super(at, options);
    this.norm_topk_prob = norm_topk_prob;
  }

  forward(hidden_states: Tensor): Routing {
    const [router_logits, probabilities, router_indices] = this.choose(hidden_states);
    const router_top_value = this.norm_topk_prob ? this.normalize(probabilities) : probabilities;
    return [router_logits, this.finish(router_top_value, router_logits.dtype), router_indices];
  }

  /** The weights in the dtype of the model. */
  finish(router_top_value: Tensor, dtype: FloatDtype): Tensor {
    return cast(router_top_value, dtype);
  }

  /** Logits, and the probabilities in float32 and numbers of the chosen experts. */
  choose(hidden_states: Tensor): Routing {
    const router_logits = this.project(hidden_states); // [tokens, experts]
    const router_probs = this.softmax(cast(router_logits, "F32"), "F32");
    const router_indices = this.topk(router_probs, this.top_k); // [tokens, k]
    return [router_logits, this.gather(router_probs, router_indices), router_indices];
  }
}
