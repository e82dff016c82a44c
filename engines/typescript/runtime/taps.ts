import type { EmitTaps, Tap } from "../../../harness/engine/implementation.ts";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { boolTensor, int64Tensor } from "../../../harness/trace/tensor.ts";
import type { AnyTensor, ModuleOutput, TracedModule, Tracer } from "../layers/context.ts";
import { packFloats } from "../tensor/rounding.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Takes each tapped tensor. */
export type TapSink = (site: string, tensor: AnyTensor) => void;

/** Names the sites of one phase as docs/protocol.md says, and hands tensors to `sink` in execution order. */
export class SiteTracer implements Tracer {
  readonly #sink: TapSink;
  readonly #endBatch: () => void;
  readonly #calls = new Map<string, number>();
  readonly #running: { readonly path: string; readonly suffix: string; readonly layer: boolean }[] = [];

  /** `endBatch` is called before and after each repeated layer that lies in no other one. */
  constructor(sink: TapSink, endBatch: () => void) {
    this.#sink = sink;
    this.#endBatch = endBatch;
  }

  enter(module: TracedModule, inputs: readonly unknown[]): void {
    const layer = module.repeated && !this.#running.some(({ layer }) => layer);
    if (layer) this.#endBatch();
    const label = inputs.find((input) => typeof input === "string");
    const suffix = this.#callSuffix(module.path, label);
    this.#running.push({ path: module.path, suffix, layer });
    const input = inputs.find((candidate) => candidate instanceof Tensor);
    if (input) this.#sink(`${module.path}:in${suffix}`, input);
  }

  /** "" for a first call, "@1" for the next; "@<label>" for a labelled one, "@<label>.1" when the label comes again. */
  #callSuffix(path: string, label: string | undefined): string {
    const key = `${path}@${label ?? ""}`;
    const repeats = this.#calls.get(key) ?? 0;
    this.#calls.set(key, repeats + 1);
    if (label !== undefined) return repeats > 0 ? `@${label}.${repeats}` : `@${label}`;
    return repeats > 0 ? `@${repeats}` : "";
  }

  leave(module: TracedModule, output: ModuleOutput): void {
    const { suffix, layer } = this.#running.pop()!;
    const outputs = output instanceof Tensor ? [output] : output;
    for (const [index, tensor] of outputs.entries())
      if (tensor.shape.slice(0, -1).join() === outputs[0]!.shape.slice(0, -1).join())
        this.#sink(`${module.path}:out${index === 0 ? "" : `.${index}`}${suffix}`, tensor);
    if (layer) this.#endBatch();
  }

  /** A functional site of the module that runs belongs to this call of it. */
  tap(site: string, tensor: AnyTensor): void {
    const running = this.#running.at(-1);
    const suffix = running && site.startsWith(`${running.path}#`) ? running.suffix : "";
    this.#sink(`${site}${suffix}`, tensor);
  }
}

/** Copies the tensors at the chosen sites and emits them in batches. */
export class TapRecorder {
  readonly #emit: EmitTaps;
  readonly #chosen: (site: string) => boolean;
  #phase = "";
  #batch: Tap[] = [];
  #copies = new Map<AnyTensor, RawTensor>();

  constructor(emit: EmitTaps, chosen: (site: string) => boolean) {
    this.#emit = emit;
    this.#chosen = chosen;
  }

  /** A tracer for the phase `name`; taps that are still held belong to the phase before and are emitted. */
  startPhase(name: string): SiteTracer {
    this.flush();
    this.#phase = name;
    return new SiteTracer(
      (site, tensor) => this.#record(site, tensor),
      () => this.flush(),
    );
  }

  /** Emits what has been recorded since the last batch. */
  flush(): void {
    if (this.#batch.length > 0) this.#emit(this.#phase, this.#batch);
    this.#batch = [];
    this.#copies = new Map();
  }

  #record(site: string, tensor: AnyTensor): void {
    if (!this.#chosen(site)) return;
    const copy = this.#copies.get(tensor) ?? copyTensor(tensor);
    this.#copies.set(tensor, copy);
    this.#batch.push({ site, tensor: copy });
  }
}

/** A test of whether a site matches one of `patterns` (`*` any characters); true for all sites without patterns. */
export function siteFilter(patterns: readonly string[] | undefined): (site: string) => boolean {
  if (patterns === undefined) return () => true;
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.replaceAll(/[\\^$.+?()[\]{}|]/g, "\\$&").replaceAll("*", ".*")}$`),
  );
  const known = new Map<string, boolean>();
  return (site) => {
    const chosen = known.get(site) ?? expressions.some((expression) => expression.test(site));
    known.set(site, chosen);
    return chosen;
  };
}

function copyTensor({ data, dtype, shape }: AnyTensor): RawTensor {
  if (data === null) throw new TypeError("a tensor without data can't be tapped");
  if (dtype === "I64") return int64Tensor(data, shape);
  if (dtype === "BOOL") return boolTensor(data, shape);
  return packFloats(data as Float32Array, dtype, shape);
}
