import type { ActivationName } from "../kernels/activations.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Activation } from "./activations.ts";
import { Dropout } from "./dropout.ts";
import type { GatedExpertsOptions } from "./experts.ts";
import type { TiedNames } from "./linear.ts";
import { Conv1D, Embedding, Linear } from "./linear.ts";
import type { Module } from "./module.ts";
import { ModuleList } from "./module.ts";
import type { NormOptions } from "./normalization.ts";
import type { RouterOptions } from "./router.ts";
import { Scope } from "./scope.ts";
import type { Dimension, NumberField, Size, SwitchField } from "./size.ts";
import { sizeOf, sum } from "./size.ts";

/** The options of `linear` beside its sizes. As in PyTorch there is a bias unless it is said that there is none. */
interface LinearChoice<C> {
  readonly bias?: boolean | SwitchField<C>;
  readonly tied?: TiedNames | null;
}

/**
 * The options of `norm` beside its class and width: eps where it is no `rms_norm_eps`, and what that class has more.
 */
type NormChoice<C, O> = Omit<O, keyof NormOptions> & { readonly eps?: NumberField<C> | number };

/**
 * The scope of a module together with its config. It makes the module's children: each method takes the child's name
 * first, then its class where there is a choice, then its sizes, which are names of config fields, and in the end one
 * object of what else there is to say.
 */
export class ConfigScope<C extends object> extends Scope {
  /** The config as this scope sees it; reads are recorded for it. */
  readonly config: C;

  constructor(at: Scope, config: C) {
    super(at.construction, at.path);
    this.config = at.read(config);
  }

  /** This scope with the config of a part of the model, or of one layer. */
  with<D extends object>(config: D): ConfigScope<D> {
    return new ConfigScope(this, config);
  }

  size(dimension: Dimension<C>): Size {
    return sizeOf(this.config, dimension);
  }

  /** The size of several dimensions one behind the other. */
  sum(...dimensions: readonly Dimension<C>[]): Size {
    return sum(...dimensions.map((dimension) => this.size(dimension)));
  }

  /** A weight of the module itself. */
  parameter(name: string, ...shape: readonly Dimension<C>[]): Tensor {
    return this.weight(
      name,
      shape.map((dimension) => this.size(dimension)),
    );
  }

  /** A child that is made from the same config. */
  module<M extends Module, A extends unknown[]>(
    name: string,
    Type: new (at: Scope, config: C, ...rest: A) => M,
    ...rest: A
  ): M {
    return new Type(this.child(name), this.config, ...rest);
  }

  /** As many children of one class as the field `count` says, each made from the same config and its index. */
  list<M extends Module>(
    name: string,
    Type: new (at: Scope, config: C, index: number) => M,
    count: NumberField<C>,
  ): ModuleList<M> {
    const { value } = this.size(count);
    return new ModuleList(this.child(name), value, (index, at) => new Type(at, this.config, index));
  }

  linear(name: string, inner: Dimension<C>, out: Dimension<C>, { bias = true, tied }: LinearChoice<C> = {}): Linear {
    return new Linear(this.child(name), {
      in: this.size(inner),
      out: this.size(out),
      bias: typeof bias === "boolean" ? bias : Boolean(this.config[bias as keyof C]),
      ...(tied && { tied }),
    });
  }

  /** transformers' `Conv1D`, a Linear of which the weight is stored as [in, out]. */
  conv1d(name: string, inner: Dimension<C>, out: Dimension<C>): Conv1D {
    return new Conv1D(this.child(name), { in: this.size(inner), out: this.size(out) });
  }

  embedding(name: string, rows: Dimension<C>, width: Dimension<C>): Embedding;
  embedding<E extends Embedding>(
    name: string,
    rows: Dimension<C>,
    width: Dimension<C>,
    choice: { readonly as: new (...made: ConstructorParameters<typeof Embedding>) => E },
  ): E;
  embedding(name: string, rows: Dimension<C>, width: Dimension<C>, { as: Type } = { as: Embedding }): Embedding {
    return new Type(this.child(name), { num_embeddings: this.size(rows), embedding_dim: this.size(width) });
  }

  norm<M extends Module, O extends NormOptions>(
    name: string,
    Type: new (at: Scope, options: O) => M,
    dim: Dimension<C>,
    ...[choice]: C extends { readonly rms_norm_eps: number }
      ? [choice?: NormChoice<C, O>]
      : [choice: NormChoice<C, O> & { readonly eps: NumberField<C> | number }]
  ): M {
    const { eps = "rms_norm_eps", ...others } = (choice ?? {}) as { readonly eps?: string | number };
    const value = typeof eps === "number" ? eps : Number(this.config[eps as keyof C]);
    return new Type(this.child(name), { ...others, dim: this.size(dim), eps: value } as unknown as O);
  }

  activation(name: string, activation: ActivationName): Activation {
    return new Activation(this.child(name), activation);
  }

  dropout(name: string): Dropout {
    return new Dropout(this.child(name));
  }

  /** The experts of a mixture, gated MLPs of `hidden_size` and `intermediate`. */
  experts<M extends Module>(
    name: string,
    Type: new (at: Scope, options: GatedExpertsOptions) => M,
    choice: {
      readonly experts: NumberField<C>;
      readonly intermediate: NumberField<C>;
      readonly activation: ActivationName;
    },
  ): M {
    return new Type(this.child(name), {
      experts: this.size(choice.experts),
      hidden: this.#hidden(),
      intermediate: this.size(choice.intermediate),
      activation: choice.activation,
    });
  }

  /**
   * The router of a mixture, which sends each token to `num_experts_per_tok` of the experts that the field `experts`
   * counts.
   */
  router<M extends Module, O extends RouterOptions>(
    name: string,
    Type: new (at: Scope, options: O) => M,
    experts: NumberField<C>,
    choice?: Omit<O, keyof RouterOptions>,
  ): M {
    const { num_experts_per_tok: top_k } = this.config as { readonly num_experts_per_tok: number };
    return new Type(this.child(name), {
      ...choice,
      ...{ hidden: this.#hidden(), experts: this.size(experts), top_k },
    } as unknown as O);
  }

  #hidden(): Size {
    return sizeOf(this.config as { readonly hidden_size: number }, "hidden_size");
  }
}
