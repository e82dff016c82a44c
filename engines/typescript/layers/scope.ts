import type { TensorSpec } from "../../../harness/engine/protocol.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { ConfigReads } from "./config_view.ts";
import { fieldName, rescopeView } from "./config_view.ts";
import type { ModelContext, TracedModule } from "./context.ts";

/** One size of a weight and the config fields it follows from: 8192, "num_attention_heads 16 x head_dim 512". */
export interface Size {
  readonly value: number;
  readonly text: string;
}

/** The product of config fields and plain numbers as a size: `size(config, "num_attention_heads", "head_dim")`. */
export function size<C extends object>(config: C, ...factors: readonly ((keyof C & string) | number)[]): Size {
  const values = factors.map((factor) => (typeof factor === "number" ? factor : Number(config[factor])));
  const texts = factors.map((factor, index) =>
    typeof factor === "number" ? String(factor) : `${fieldName(config, factor)} ${values[index]}`,
  );
  return { value: values.reduce((product, value) => product * value, 1), text: texts.join(" x ") };
}

/** Several sizes one behind the other, as of a fused projection. */
export function sum(...sizes: readonly Size[]): Size {
  return {
    value: sizes.reduce((total, { value }) => total + value, 0),
    text: sizes.map(({ text }) => text).join(" + "),
  };
}

/** A state-dict entry that a module asked for. */
export interface DeclaredTensor extends TensorSpec {
  /** Path of the module that holds it. */
  readonly owner: string;
}

/** What is wrong with a checkpoint; collected over the whole build, so that one message names it all. */
export interface WeightProblem {
  readonly kind: "missing" | "shape" | "tied";
  readonly name: string;
  readonly detail: string;
}

/** One model being built: where its weights come from, and what it declares. */
export interface Build {
  readonly context: ModelContext;
  /** A weight by state-dict name, rounded to `dtype`, or null when the checkpoint lacks it. Not asked in shapes-only mode. */
  readonly weight: (name: string, dtype: FloatDtype) => Tensor | null;
  /** The parsed config as the scope `path` sees it. */
  readonly configFor: (path: string) => object;
  readonly reads: ConfigReads;
  readonly modules: Map<string, TracedModule>;
  readonly tensors: DeclaredTensor[];
  readonly problems: WeightProblem[];
}

/**
 * The dotted path of a module under construction. Asking it for a weight reads `<path>.<name>`, checks the shape, and declares the tensor; reading a config
 * through it records who read what.
 */
export class Scope {
  readonly path: string;
  readonly #build: Build;

  constructor(build: Build, path: string) {
    this.#build = build;
    this.path = path;
  }

  get context(): ModelContext {
    return this.#build.context;
  }

  /** The scope of the child module `name`. */
  child(name: string): Scope {
    return new Scope(this.#build, this.path === "" ? name : `${this.path}.${name}`);
  }

  /** The scope of something inside this module that is no module of the reference: `<path>#attention`. */
  functional(name: string): Scope {
    return new Scope(this.#build, `${this.path}#${name}`);
  }

  /** Adds a module to the tree. */
  register(module: TracedModule): void {
    this.#build.modules.set(this.path, module);
  }

  /** `config`, a view that another scope read, as this scope sees it; reads are recorded for this scope. */
  read<C extends object>(config: C): C {
    return rescopeView(config, this.#build.configFor(this.path), { scope: this.path, reads: this.#build.reads });
  }

  /**
   * The weight `<path>.<name>`, rounded to `dtype`, which is the model's unless a wider one is kept. A missing or misshapen one is noted, and replaced by one
   * without data.
   */
  weight(name: string, sizes: readonly Size[], dtype: FloatDtype = this.context.dtype): Tensor {
    const shape = sizes.map(({ value }) => value);
    const fullName = this.#declare(name, shape, { dtype });
    const weight = this.context.shapesOnly ? null : this.#build.weight(fullName, dtype);
    if (weight === null) {
      if (!this.context.shapesOnly)
        this.#build.problems.push({ kind: "missing", name: fullName, detail: `[${describe(sizes)}]` });
      return floatTensor(shape, null, dtype);
    }
    if (weight.shape.join() === shape.join()) return weight;
    const detail = `expected [${describe(sizes)}], found [${weight.shape.join(", ")}]`;
    this.#build.problems.push({ kind: "shape", name: fullName, detail });
    return floatTensor(shape, null, dtype);
  }

  /**
   * The weight `<path>.<name>` that is `source` under another name. Checkpoints normally leave it out; one that stores it with other values
   * contradicts its config.
   */
  tiedWeight(name: string, source: { readonly name: string; readonly weight: Tensor }): Tensor {
    const { dtype } = this.context;
    const fullName = this.#declare(name, source.weight.shape, { dtype, tied_to: source.name });
    const stored = this.context.shapesOnly ? null : this.#build.weight(fullName, dtype);
    if (stored !== null && !equalData(stored, source.weight))
      this.#build.problems.push({
        kind: "tied",
        name: fullName,
        detail: `differs from ${source.name}, which tie_word_embeddings makes it share`,
      });
    return source.weight;
  }

  #declare(name: string, shape: readonly number[], options: Pick<TensorSpec, "dtype" | "tied_to">): string {
    const fullName = this.path === "" ? name : `${this.path}.${name}`;
    this.#build.tensors.push({ name: fullName, shape: [...shape], owner: this.path, ...options });
    return fullName;
  }
}

function describe(sizes: readonly Size[]): string {
  return sizes.map(({ value, text }) => (text === String(value) ? text : `${value} = ${text}`)).join(", ");
}

function equalData(a: Tensor, b: Tensor): boolean {
  const [left, right] = [a.data, b.data];
  if (a.shape.join() !== b.shape.join() || left === null || right === null) return false;
  return left.every((value, index) => value === right[index]);
}
