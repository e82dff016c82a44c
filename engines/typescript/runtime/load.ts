import type { Fault } from "../fault.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import type { LoadedModel, ModelSource } from "./build.ts";
import { buildModel, readConfig } from "./build.ts";
import type { Weights } from "./checkpoint.ts";
import { readConfigFile, readWeights, STORE_FROM } from "./checkpoint.ts";

/** Options of loading a checkpoint. */
export interface LoadOptions {
  readonly dtype: FloatDtype;
  readonly fault?: Fault | null;
  /** Bytes of a checkpoint from which weights and tensors live in the kernels' memory; results don't depend on it. */
  readonly storeFrom?: number;
}

/** A model that is ready to run, and what it was made from. */
export interface LoadedCheckpoint extends Pick<Weights, "store" | "sha256"> {
  readonly model: LoadedModel;
  /** The parsed config. */
  readonly config: object;
  /** The source that builds the model again, but for its weights. */
  readonly source: Omit<ModelSource, "weights">;
}

/**
 * Reads the checkpoint in `directory` and builds its model.
 * @throws EngineError for a config or weights that the engine does not take; SafetensorsError.
 */
export function loadCheckpoint(
  directory: string,
  { dtype, fault = null, storeFrom = STORE_FROM }: LoadOptions,
): LoadedCheckpoint {
  const source = { config: readConfigFile(directory), fault, dtype };
  const { architecture, config } = readConfig(source);
  const { tensors, store, sha256 } = readWeights(directory, architecture.rename, { dtype, storeFrom });
  const settle = store === null ? {} : { settle: store.settle.bind(store), keepsWeights: false };
  const model = buildModel({ ...source, ...settle, weights: architecture.convert(tensors) });
  return { model, store, sha256, config, source };
}
