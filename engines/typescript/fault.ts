import type { RawTensor } from "../../harness/trace/tensor.ts";
import type { RootModel } from "./layers/causal_model.ts";
import type { Module } from "./layers/module.ts";
import type { Tensor } from "./tensor/tensor.ts";

type Json = Record<string, unknown>;

/** A built model, as a fault gets it. */
export interface BuiltModel {
  readonly root: RootModel;
  /** The modules by Hugging Face path, in registration order. */
  readonly modules: ReadonlyMap<string, Module>;
}

/**
 * A deliberate porting bug: a small change made to the engine from outside, for the harness's self-tests. A module
 * exports it, and `load` and `shapes` apply it (parameter `fault`). Every hook is optional; the engine itself has no
 * switches.
 */
export interface Fault {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  /** Changes config.json before it is read. May write into `config`, a copy. */
  config?(config: Json): Json;
  /**
   * Changes the parsed config (defaults filled in, `per_layer_config` derived) for the reads of one scope: a module
   * path, or a path and `#attention` for an attention core. May write into `config`, a copy.
   */
  scopeConfig?(scope: string, config: Json): Json;
  /**
   * Replaces a weight (state-dict name) when it is loaded, before it is rounded to the dtype. `all` are the weights as
   * stored.
   */
  weights?(name: string, tensor: Tensor, all: ReadonlyMap<string, Tensor>): Tensor;
  /** Mutates the built model, also in shapes-only mode, where weights have no data. `config` is the parsed config. */
  model?(model: BuiltModel, config: Json): void;
  /** Changes the tensors of the inputs file. */
  inputs?(tensors: ReadonlyMap<string, RawTensor>): ReadonlyMap<string, RawTensor>;
}
