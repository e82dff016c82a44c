import { randomUUID } from "node:crypto";
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { EngineFailure } from "../trace/errors.ts";
import { writeSafetensors } from "../trace/safetensors.ts";
import { siteFilter } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import type { Tap } from "./implementation.ts";
import { EngineError } from "./implementation.ts";
import type { BatchListener, EngineProcess, TapStream } from "./process.ts";
import { credits, readBatch } from "./process.ts";
import type { Method, Params, Result } from "./protocol.ts";
import type { TapsNotification } from "./notifications.ts";
import { methods, protocolVersion } from "./protocol.ts";
import { errorCodes } from "./notifications.ts";
import { answerTensors, nameTensors } from "./serve.ts";
import { createSpool, openSpoolFile, removeSpool } from "./spool.ts";

type Capabilities = Result<"hello">["capabilities"];

/**
 * Takes one batch of taps, copying them. Resolves when there is room for the next: an engine that awaits it keeps
 * memory at O(one layer).
 */
export type TakeTaps = (phase: string, taps: readonly Tap[]) => Promise<void>;

/**
 * An engine in the process that tests it: `load` and `run`, and whatever else of `EngineImplementation` it has. `load`
 * gets a checkpoint directory (config.json, safetensors) and a dtype; `run` an inputs file and phases, and hands each
 * layer's taps to `emit`.
 */
export interface EngineObject {
  readonly name?: string;
  readonly version?: string;
  /** The engine's capabilities; float32 and nothing else for those that it does not state. */
  readonly capabilities?: Partial<Capabilities>;
  hello?(): Omit<Result<"hello">, "protocol">;
  load(params: Params<"load">): unknown;
  run(params: Params<"run">, emit: TakeTaps): void | Promise<void>;
  shapes?(params: Params<"shapes">): Promise<Result<"shapes">>;
  configReads?(): Result<"config_reads">;
  unload?(): void;
  /** The loaded tensors of these names, as it computes with them (capability `tensors`). */
  tensors?(names: readonly string[]): ReadonlyMap<string, RawTensor>;
}

const defaultCapabilities: Capabilities = {
  ...{ dtypes: ["float32"], shapes: false, cache: true, fork: false },
  ...{ build: false, oracle: false, replay: false, explain: false, text: false, tensors: false },
};

/** True for what can be an engine: an object with `load` and `run`. */
export function isEngineObject(value: unknown): value is EngineObject {
  const { load, run } = (value ?? {}) as Partial<EngineObject>;
  return typeof load === "function" && typeof run === "function";
}

/**
 * An engine object as a running engine. Its tensors go the way of all engines' (files in a spool directory), so what is
 * compared is what it had when it called `emit`. What it throws becomes an EngineFailure with its stack; it is not
 * isolated: an endless loop hangs the test.
 */
export function startInProcess(engine: EngineObject): EngineProcess {
  const spool = createSpool();
  const capabilities = { ...defaultCapabilities, shapes: engine.shapes !== undefined, ...engine.capabilities };
  const { name = "object", version = "0" } = engine;
  const own = engine.hello?.() ?? { name, version, versions: {}, capabilities };
  const hello = { protocol: protocolVersion, ...own };
  let isOpen = true;
  let runs = 0;

  const request = async <M extends Method>(method: M, params: Params<M>): Promise<Result<M>> => {
    const answer = await guarded(hello.name, method, async () => answerTo(engine, spool, method, params));
    const parsed = methods[method].result.safeParse(answer);
    if (!parsed.success)
      throw new EngineFailure(`${hello.name}: malformed result of ${method}: ${parsed.error.message}`);
    return parsed.data as Result<M>;
  };

  async function* run(params: Omit<Params<"run">, "run" | "credits" | "replay">, listen?: BatchListener): TapStream {
    const id = `${process.pid}-${runs++}`;
    const queue: TapsNotification[] = [];
    const counts = { batches: 0, taps: 0 };
    const wanted = siteFilter(params.sites);
    let state: "running" | "done" | "cancelled" = "running";
    let failure: unknown = null;
    let wake = (): void => undefined;
    let makeRoom = (): void => undefined;
    // Refuses by throwing, not by a rejection: an engine that is not async never looks at the promise.
    const emit: TakeTaps = (phase, all) => {
      if (state === "cancelled") throw new EngineError(errorCodes.cancelled, `run ${id} was cancelled`);
      const { tensors, names } = nameTensors(all.filter(({ site }) => wanted(site)));
      const file = join(spool, `${id}-${counts.batches}.safetensors`);
      writeSafetensors(file, tensors);
      queue.push({ run: id, phase, batch: counts.batches, file, taps: names });
      counts.batches += 1;
      counts.taps += names.length;
      wake();
      if (queue.length < credits) return Promise.resolve();
      return new Promise<void>((resume) => (makeRoom = resume));
    };
    const full = { ...params, run: id, credits };
    const finished = guarded(hello.name, "run", async () => engine.run(full, emit)).then(
      () => void (state = "done"),
      (error: unknown) => {
        if (state === "running") failure = error;
        state = "done";
      },
    );
    void finished.then(() => wake());
    try {
      for (;;) {
        const batch = queue.shift();
        if (batch) {
          makeRoom();
          using file = openSpoolFile(spool, batch.file, hello.name);
          listen?.(batch);
          yield readBatch(file, batch);
        } else if (state === "running") await new Promise<void>((resume) => (wake = resume));
        else if (failure) throw failure;
        else return { run: id, ...counts };
      }
    } finally {
      if (state === "running") state = "cancelled";
      makeRoom();
      await finished;
      for (const { file } of queue) unlinkSync(file);
    }
  }

  return {
    hello,
    spool,
    pid: process.pid,
    alive: () => isOpen,
    request,
    run,
    replay: () => refuse(hello.name, "replay"),
    explain: () => refuse(hello.name, "explain"),
    sendLine: () => undefined,
    async close() {
      if (isOpen) engine.unload?.();
      isOpen = false;
      removeSpool(spool);
    },
  };
}

async function answerTo(engine: EngineObject, spool: string, method: Method, params: unknown): Promise<unknown> {
  switch (method) {
    case "load": {
      const given = params as Params<"load">;
      const answer = (await engine.load(given)) as Partial<Result<"load">> | undefined;
      return { checkpoint: given.checkpoint ?? "", modules: [], tensors: [], ...answer };
    }
    case "shapes":
      return engine.shapes?.(params as Params<"shapes">) ?? refuse("this object", method);
    case "tensors": {
      const file = join(spool, `tensors-${randomUUID()}.safetensors`);
      if (!engine.tensors) return refuse("this object", method);
      return answerTensors(engine.tensors.bind(engine), params as Params<"tensors">, file);
    }
    case "config_reads":
      return engine.configReads?.() ?? { reads: [] };
    case "unload":
      engine.unload?.();
      return {};
    default:
      return refuse("this object", method);
  }
}

function refuse(name: string, method: string): never {
  throw new EngineFailure(`${name}: an engine object does not implement ${method}`);
}

/** Turns what an engine throws into a failure of the engine that keeps the stack. */
async function guarded<T>(name: string, method: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof EngineFailure) throw error;
    const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    const remedy = error instanceof EngineError ? error.data.remedy : undefined;
    throw new EngineFailure(`${name}: ${method}: ${message}`, {
      stderrTail: stack.split("\n"),
      remedy,
      refusal: message,
    });
  }
}
