import type { EmitTaps, EngineImplementation } from "../../../harness/engine/implementation.ts";
import { EngineError } from "../../../harness/engine/implementation.ts";
import type { Params, Result } from "../../../harness/engine/protocol.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import type { RawTensor } from "../../../harness/trace/tensor.ts";
import { computeDtypes } from "../tensor/rounding.ts";
import { scratchIn } from "../tensor/scratch.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ShapeError } from "../tensor/tensor.ts";
import type { LoadedModel } from "./build.ts";
import { buildModel } from "./build.ts";
import { readConfigFile, STORE_FROM } from "./checkpoint.ts";
import { generate } from "./generate.ts";
import { readInputs } from "./inputs.ts";
import { planKvCache } from "./kv_plan.ts";
import { loadCheckpoint } from "./load.ts";
import { loadFault } from "./load_fault.ts";
import { runPhase, startPhases } from "./phases.ts";
import { listShapes } from "./shapes.ts";
import { TapRecorder, siteFilter } from "./taps.ts";
import { endTokens, loadTokenizer } from "./text.ts";
import { threadCount } from "./thread_count.ts";
import { loadedTensors } from "./tensor_values.ts";
import type { WeightStore } from "./weight_store.ts";

const dtypes = Object.keys(computeDtypes) as (keyof typeof computeDtypes)[];

/** The TypeScript engine: plain loops, rounded where the reference rounds. */
export class TypeScriptEngine implements EngineImplementation {
  #model: LoadedModel | null = null;
  #store: WeightStore | null = null;
  #directory = "";
  readonly #storeFrom: number;

  /**
   * `storeFrom`: bytes of a checkpoint from which weights and tensors live in the kernels' memory; the results are the
   * same.
   */
  constructor({ storeFrom = STORE_FROM }: { storeFrom?: number } = {}) {
    this.#storeFrom = storeFrom;
  }

  hello(): Omit<Result<"hello">, "protocol"> {
    return {
      name: "typescript",
      version: "0.1.0",
      versions: { node: process.versions.node },
      capabilities: {
        dtypes,
        shapes: true,
        cache: true,
        fork: true,
        build: false,
        oracle: false,
        replay: false,
        explain: false,
        text: true,
        tensors: true,
      },
    };
  }

  async load(params: Params<"load">): Promise<Result<"load">> {
    const { checkpoint, dtype, kv_budget_bytes } = params;
    if (checkpoint === undefined)
      throw unsupported(
        "drawing a checkpoint from a config",
        "load a checkpoint directory; the reference can draw one",
      );
    this.unload(); // so that two models are never in memory at once
    const fault = await loadFault(params.fault);
    const loaded = loadCheckpoint(checkpoint, { dtype: computeDtypes[dtype], fault, storeFrom: this.#storeFrom });
    const { model, store, source } = loaded;
    if (store) store.threads = threadCount();
    const length = maxLength(loaded.config);
    const plan = kv_budget_bytes === undefined ? {} : { kv_plan: this.#plan(source, kv_budget_bytes, length) };
    this.#store = store;
    this.#model = model;
    this.#directory = checkpoint;
    return {
      checkpoint,
      modules: model.moduleSpecs,
      tensors: model.tensorSpecs,
      weights_sha256: loaded.sha256,
      ...plan,
    };
  }

  run(params: Params<"run">, emit: EmitTaps): void {
    const model = this.#loaded();
    if (params.oracle) throw unsupported("oracle runs", "ask the reference for the float64 oracle");
    const inputs = readInputs(params.inputs, model.root.modalities, model.fault);
    const silent = params.sites?.length === 0;
    const recorder = new TapRecorder(emit, siteFilter(params.sites));
    const state = startPhases(params.phases);
    // A fault may hold on to tensors, which must then be ordinary arrays.
    const memory = model.fault === null ? this.#store?.memory : undefined;
    try {
      for (const phase of params.phases) {
        model.context.tracer = silent ? null : recorder.startPhase(phase.name);
        const forward = (): Tensor => runPhase(model.root, inputs, phase, state);
        if (memory) scratchIn(memory, forward);
        else forward();
      }
      recorder.flush();
    } catch (error) {
      throw asEngineError(error);
    } finally {
      model.context.tracer = null;
    }
  }

  async shapes(params: Params<"shapes">): Promise<Result<"shapes">> {
    const fault = await loadFault(params.fault);
    const model = buildModel({ config: params.config, fault, weights: null });
    try {
      return listShapes(model, readInputs(params.inputs, model.root.modalities, fault));
    } catch (error) {
      throw asEngineError(error);
    }
  }

  async tokenize({ checkpoint, text, chat = false }: Params<"tokenize">): Promise<Result<"tokenize">> {
    return loadTokenizer(checkpoint).encode(text, { chat });
  }

  async generate({ ids, max_new_tokens }: Params<"generate">): Promise<Result<"generate">> {
    const model = this.#loaded();
    const directory = this.#directory;
    const eos_token_ids = endTokens(directory, readConfigFile(directory));
    const memory = model.fault === null ? (this.#store?.memory ?? null) : null;
    const found = [...generate(model, ids, { max_new_tokens, eos_token_ids, sampling: null, memory })];
    return { ids: found, text: loadTokenizer(directory).decode(found) };
  }

  configReads(): Result<"config_reads"> {
    return { reads: this.#loaded().reads.list() };
  }

  tensors(names: readonly string[]): ReadonlyMap<string, RawTensor> {
    return loadedTensors(this.#loaded().weights, names);
  }

  unload(): void {
    this.#store?.close();
    this.#store = null;
    this.#model = null;
  }

  #loaded(): LoadedModel {
    if (this.#model !== null) return this.#model;
    throw new EngineError(errorCodes.badInput, "no model is loaded", { remedy: "send load first" });
  }

  #plan(source: Omit<Parameters<typeof buildModel>[0], "weights">, budget: number, length: number) {
    try {
      return planKvCache(buildModel({ ...source, weights: null }), budget, length);
    } catch (error) {
      throw asEngineError(error);
    }
  }
}

/** `max_position_embeddings` of the text config, where the dummy forward of the KV plan ends. */
function maxLength(config: object): number {
  const fields = ("text_config" in config ? config.text_config : config) as { max_position_embeddings: number };
  return fields.max_position_embeddings;
}

function unsupported(what: string, remedy: string): EngineError {
  return new EngineError(errorCodes.unsupported, `the TypeScript engine does not implement ${what}`, { remedy });
}

/** Shape errors as errors that keep their facts on the wire. */
function asEngineError(error: unknown): unknown {
  if (error instanceof ShapeError)
    return new EngineError(errorCodes.internal, `the forward stopped at ${error.site}: ${error.message}`, {
      expected: `[${error.expected.join(", ")}]`,
      found: `[${error.found.join(", ")}]`,
      where: error.site ?? "logits",
    });
  return error;
}
