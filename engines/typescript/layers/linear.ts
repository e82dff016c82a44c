import { linear, linear_transposed } from "../kernels/linear.ts";
import { gather_rows } from "../kernels/embedding.ts";
import { outOfRange } from "./out_of_range.ts";
import { scale } from "../tensor/elementwise.ts";
import { round } from "../tensor/rounding.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";
import type { Size } from "./size.ts";

/**
 * State-dict names of the weight and the bias that a Linear shares with another module, as the reference's
 * `_tied_weights_keys`.
 */
export interface TiedNames {
  readonly weight: string;
  readonly bias?: string;
}

/** The options of a Linear. */
export interface LinearOptions {
  readonly in: Size;
  readonly out: Size;
  readonly bias: boolean;
  readonly tied?: TiedNames;
}

/** `torch.nn.Linear`: x [..., in] @ weight[out, in].T + bias -> [..., out]. */
export class Linear extends Module {
  weight: Tensor;
  bias: Tensor | null;

  constructor(at: Scope, { in: inner, out, bias, tied }: LinearOptions) {
    super(at);
    this.weight = tied ? at.tiedWeight("weight", tied.weight) : at.weight("weight", [out, inner]);
    if (tied?.bias !== undefined) this.bias = at.tiedWeight("bias", tied.bias);
    else this.bias = bias ? at.weight("bias", [out]) : null;
  }

  forward(x: Tensor): Tensor {
    const [columns, inner] = this.weight.shape as [number, number];
    expectShape(`input of ${this.path}`, x.shape, x.shape.with(-1, inner), ":in");
    const shape = x.shape.with(-1, columns);
    const { weights } = this.weight;
    if (x.data === null || weights === null) return floatTensor(shape, null, x.dtype);
    const product = linear(x.data, weights, this.bias?.data ?? null, { rows: x.rows, inner, columns });
    return roundedTensor(shape, product, x.dtype);
  }
}

/**
 * transformers' `Conv1D`: a Linear of which the weight is stored as [in, out]. Source: transformers 5.24.0,
 * `pytorch_utils.py`.
 */
export class Conv1D extends Module {
  weight: Tensor;
  bias: Tensor;

  constructor(at: Scope, { in: inner, out }: { readonly in: Size; readonly out: Size }) {
    super(at);
    this.weight = at.weight("weight", [inner, out]);
    this.bias = at.weight("bias", [out]);
  }

  forward(x: Tensor): Tensor {
    const [inner, columns] = this.weight.shape as [number, number];
    expectShape(`input of ${this.path}`, x.shape, x.shape.with(-1, inner), ":in");
    const shape = x.shape.with(-1, columns);
    if (x.data === null || this.weight.data === null) return floatTensor(shape, null, x.dtype);
    const product = linear_transposed(x.data, this.weight.data, this.bias.data!, { rows: x.rows, inner, columns });
    return roundedTensor(shape, product, x.dtype);
  }
}

/**
 * `torch.nn.Embedding`: ids [...] -> rows of weight [num_embeddings, embedding_dim]. Throws EngineError `badInput` for
 * an id without a row.
 */
export class Embedding extends Module {
  weight: Tensor;

  constructor(at: Scope, sizes: { readonly num_embeddings: Size; readonly embedding_dim: Size }) {
    super(at);
    this.weight = at.weight("weight", [sizes.num_embeddings, sizes.embedding_dim]);
  }

  forward(input_ids: IndexTensor): Tensor {
    const [rows, width] = this.weight.shape as [number, number];
    const outside = input_ids.data.find((id) => id < 0 || id >= rows);
    if (outside !== undefined) throw outOfRange(this.path, "token id", { found: outside, count: rows });
    const shape = [...input_ids.shape, width];
    const { weights, dtype } = this.weight;
    return floatTensor(shape, weights && gather_rows(weights, input_ids.data, width), dtype);
  }
}

/**
 * Token embeddings times `sqrt(embedding_dim)`, the factor rounded to the dtype of the weight: ids [...] -> [...,
 * embedding_dim].
 */
export class ScaledEmbedding extends Embedding {
  embed_scale: number;

  constructor(at: Scope, sizes: { readonly num_embeddings: Size; readonly embedding_dim: Size }) {
    super(at, sizes);
    this.embed_scale = Math.fround(sizes.embedding_dim.value ** 0.5);
  }

  override forward(input_ids: IndexTensor): Tensor {
    return scale(super.forward(input_ids), round[this.weight.dtype](this.embed_scale));
  }
}
