import type { FloatDtype } from "../tensor/rounding.ts";
import type { Tensor, TensorData } from "../tensor/tensor.ts";

/** A tensor of any dtype, as taps see it. */
export type AnyTensor = Tensor<TensorData>;

/** The tensors that a forward returns, in the order of the reference's outputs. */
export type ModuleOutput = Tensor | readonly AnyTensor[];

/** A module as those see it that only need to know where in the model it stands. */
export interface TracedModule {
  /** Dotted path in the Hugging Face model, "" for the root. */
  readonly path: string;
  /** The Hugging Face class name. */
  readonly type: string;
  /** An element of a ModuleList, a repeated layer. */
  readonly repeated: boolean;
}

/** Watches a forward. `runtime/taps.ts` records tensors, `runtime/shapes.ts` shapes. */
export interface Tracer {
  /** A module is about to run on `inputs`, the arguments of its forward. */
  enter(module: TracedModule, inputs: readonly unknown[]): void;
  leave(module: TracedModule, output: ModuleOutput): void;
  /** A functional site: a tensor inside a forward that is no module's input or output. */
  tap(site: string, tensor: AnyTensor): void;
}

/** The state that all modules of one model share. */
export interface ModelContext {
  /** The watcher of forwards; null when nobody listens, and then a tap costs one comparison. */
  tracer: Tracer | null;
  /** The dtype of weights and activations. */
  readonly dtype: FloatDtype;
  /** Weights have no data: forwards compute shapes only. */
  readonly shapesOnly: boolean;
}
