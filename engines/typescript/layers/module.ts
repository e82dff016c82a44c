import { ShapeError } from "../tensor/tensor.ts";
import type { AnyTensor, ModelContext, ModuleOutput, TracedModule } from "./context.ts";
import type { Scope } from "./scope.ts";

/**
 * A module of the model tree. Subclasses register their children in the order of the reference's constructor, by
 * constructing them. All state is in public fields and every step in a method, so that a fault can change one of a
 * built model.
 */
export abstract class Module implements TracedModule {
  /** Dotted path in the Hugging Face model, "" for the root. */
  readonly path: string;
  readonly context: ModelContext;
  /** An element of a ModuleList, a repeated layer: taps are handed over before and after it. */
  repeated = false;
  /** The step of the forward that is running, as a port or functional site: names the place of a shape error. */
  step = ":out";

  constructor(at: Scope) {
    this.path = at.path;
    this.context = at.context;
    at.register(this);
  }

  /** The Hugging Face class name. */
  get type(): string {
    return this.constructor.name;
  }

  /** Runs `forward` as a site: taps its first tensor input and its outputs, and names itself in shape errors. */
  call<A extends readonly unknown[], R extends ModuleOutput>(
    this: Module & { forward(...inputs: A): R },
    ...inputs: A
  ): R {
    const { tracer } = this.context;
    try {
      if (tracer === null) return this.forward(...inputs);
      tracer.enter(this, inputs);
      const output = this.forward(...inputs);
      tracer.leave(this, output);
      return output;
    } catch (error) {
      if (error instanceof ShapeError) error.site ??= `${this.path}${error.port ?? this.step}`;
      throw error;
    }
  }

  /** Taps the functional site `name` (`#q_rope`) of this module. */
  tap(name: string, tensor: AnyTensor): void {
    this.context.tracer?.tap(`${this.path}${name}`, tensor);
  }
}

/** `torch.nn.ModuleList`: holds repeated layers; has no forward and no sites. */
export class ModuleList<M extends Module> extends Module {
  readonly elements: M[];

  /** Elements 0 .. count - 1 are made by `create` at the scopes `<path>.0`, `<path>.1`, ... */
  constructor(at: Scope, count: number, create: (index: number, at: Scope) => M) {
    super(at);
    this.elements = Array.from({ length: count }, (_, index) => {
      const element = create(index, at.child(String(index)));
      element.repeated = true;
      return element;
    });
  }
}
