import type { Site } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import type { Params, Result } from "./protocol.ts";
import type { ErrorData } from "./notifications.ts";

/** One recorded tensor. Engines emit the same `RawTensor` object for several sites when it is the same tensor. */
export interface Tap {
  readonly site: Site;
  readonly tensor: RawTensor;
}

/**
 * Takes one batch of taps (normally a layer's). May block until the reader has caught up, so that memory stays O(one
 * layer). Bytes must not change afterwards: copy at the tap.
 */
export type EmitTaps = (phase: string, taps: readonly Tap[]) => void;

/** An engine as a TypeScript object: what `serveEngine` puts on the wire and tests call directly. */
export interface EngineImplementation {
  hello(): Omit<Result<"hello">, "protocol">;
  load(params: Params<"load">): Promise<Result<"load">>;
  /** Runs the phases in order; returns when the last tap has been emitted. */
  run(params: Params<"run">, emit: EmitTaps): void;
  shapes(params: Params<"shapes">): Promise<Result<"shapes">>;
  configReads(): Result<"config_reads">;
  unload(): void;
  /** The loaded tensors of these names, as it computes with them; for an engine with the capability `tensors`. */
  tensors?(names: readonly string[]): ReadonlyMap<string, RawTensor>;
  /** Tokenizes a text; for an engine with the capability `text`. */
  tokenize?(params: Params<"tokenize">): Promise<Result<"tokenize">>;
  /** Continues a text; for an engine with the capability `text`. */
  generate?(params: Params<"generate">): Promise<Result<"generate">>;
}

/** A failure with the four facts of an error message: it crosses the wire and keeps them. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: number;
  readonly data: ErrorData;
  constructor(code: number, message: string, data: ErrorData = {}) {
    super(message);
    this.code = code;
    this.data = data;
  }
}
