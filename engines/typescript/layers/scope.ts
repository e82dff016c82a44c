import type { TensorSpec } from "../../../harness/engine/specs.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { ConfigReads } from "./config_view.ts";
import { rescopeView } from "./config_view.ts";
import type { ModelContext, TracedModule } from "./context.ts";
import type { Size } from "./size.ts";

/** A state-dict entry that a module asked for. */
export interface DeclaredTensor extends TensorSpec {
  /** Path of the module that holds it. */
  readonly owner: string;
}

/** A fault of a checkpoint; collected over the whole build, so that one message names them all. */
export interface WeightProblem {
  readonly kind: "missing" | "shape" | "tied";
  readonly name: string;
  readonly detail: string;
}

/** One model being built: where its weights come from, and what it declares. */
export interface Build {
  readonly context: ModelContext;
  /**
   * A weight by state-dict name, rounded to `dtype`, or null when the checkpoint lacks it. Not asked in shapes-only
   * mode.
   */
  readonly weight: (name: string, dtype: FloatDtype) => Tensor | null;
  /** The parsed config as the scope `path` sees it. */
  readonly configFor: (path: string) => object;
  readonly reads: ConfigReads;
  readonly modules: Map<string, TracedModule>;
  /** The weights that modules have asked for, by state-dict name. */
  readonly weights: Map<string, Tensor>;
  readonly tensors: DeclaredTensor[];
  readonly problems: WeightProblem[];
}

/** A build while it lasts. Modules keep their scopes; closing it is what lets the weights go that a build holds. */
export class Construction {
  #build: Build | null;

  constructor(build: Build) {
    this.#build = build;
  }

  /** The build, asked for by the scope `path`. @throws Error when it is closed. */
  at(path: string): Build {
    if (this.#build !== null) return this.#build;
    const where = path === "" ? "the root" : path;
    throw new Error(
      `the model is built, and the scope of ${where} is closed: ask for weights and children in constructors and fields`,
    );
  }

  close(): void {
    this.#build = null;
  }
}

/**
 * The dotted path of a module under construction. Asking it for a weight reads `<path>.<name>`, checks the shape, and
 * declares the tensor; reading a config through it records who read what. It is closed when the model is built.
 */
export class Scope {
  readonly path: string;
  readonly construction: Construction;

  constructor(construction: Construction, path: string) {
    this.construction = construction;
    this.path = path;
  }

  get context(): ModelContext {
    return this.#build.context;
  }

  /** The scope of the child module `name`. */
  child(name: string): Scope {
    return new Scope(this.construction, this.path === "" ? name : `${this.path}.${name}`);
  }

  /** The scope of something inside this module that is no module of the reference: `<path>#attention`. */
  functional(name: string): Scope {
    return new Scope(this.construction, `${this.path}#${name}`);
  }

  /** Adds a module to the tree. */
  register(module: TracedModule): void {
    this.#build.modules.set(this.path, module);
  }

  /** `config`, a view that another scope read, as this scope sees it; reads are recorded for this scope. */
  read<C extends object>(config: C): C {
    const { configFor, reads } = this.#build;
    return rescopeView(config, configFor(this.path), { scope: this.path, reads });
  }

  /**
   * The weight `<path>.<name>`, rounded to `dtype`, which is the model's unless a wider one is kept. A missing or
   * misshapen one is noted, and replaced by one without data.
   */
  weight(name: string, sizes: readonly Size[], dtype: FloatDtype = this.context.dtype): Tensor {
    const shape = sizes.map(({ value }) => value);
    const fullName = this.#declare(name, shape, { dtype });
    const weight = this.#find(fullName, sizes, dtype);
    this.#build.weights.set(fullName, weight);
    return weight;
  }

  /**
   * The weight `<path>.<name>` that is the weight `source`, of which a module asked before, under another name.
   * Checkpoints normally leave it out; one that stores it with other values contradicts its config.
   */
  tiedWeight(name: string, source: string): Tensor {
    const { dtype, shapesOnly } = this.context;
    const weight = this.#build.weights.get(source);
    if (weight === undefined) throw new RangeError(`${this.path}.${name}: no module has asked for ${source} yet`);
    const fullName = this.#declare(name, weight.shape, { dtype, tied_to: source });
    const stored = shapesOnly ? null : this.#build.weight(fullName, dtype);
    if (stored !== null && !equalData(stored, weight))
      this.#build.problems.push({
        kind: "tied",
        name: fullName,
        detail: `differs from ${source}, which tie_word_embeddings makes it share`,
      });
    return weight;
  }

  get #build(): Build {
    return this.construction.at(this.path);
  }

  #declare(name: string, shape: readonly number[], options: Pick<TensorSpec, "dtype" | "tied_to">): string {
    const fullName = this.path === "" ? name : `${this.path}.${name}`;
    this.#build.tensors.push({ name: fullName, shape: [...shape], owner: this.path, ...options });
    return fullName;
  }

  #find(fullName: string, sizes: readonly Size[], dtype: FloatDtype): Tensor {
    const shape = sizes.map(({ value }) => value);
    if (this.context.shapesOnly) return floatTensor(shape, null, dtype);
    const weight = this.#build.weight(fullName, dtype);
    if (weight?.shape.join() === shape.join()) return weight;
    const kind = weight === null ? "missing" : "shape";
    const detail =
      weight === null ? `[${describe(sizes)}]` : `expected [${describe(sizes)}], found [${weight.shape.join(", ")}]`;
    this.#build.problems.push({ kind, name: fullName, detail });
    return floatTensor(shape, null, dtype);
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
