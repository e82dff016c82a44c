import { copyFileSync, linkSync } from "node:fs";
import { join } from "node:path";
import { onExit } from "signal-exit";
import { cacheFolder, sweepCache } from "../setup/cache.ts";
import { EngineFailure, EnvironmentError, UsageError } from "../trace/errors.ts";
import type { RawTensor } from "../trace/tensor.ts";
import type { EngineChild } from "./child.ts";
import { startChild } from "./child.ts";
import type { RunStream } from "./connection.ts";
import { openConnection } from "./connection.ts";
import type { Method, Params, Result } from "./protocol.ts";
import type { TapsNotification } from "./notifications.ts";
import { protocolVersion } from "./protocol.ts";
import type { SpoolFile } from "./spool.ts";
import { createSpool, dropSpoolFile, openSpoolFile, removeSpool } from "./spool.ts";

/** Milliseconds without any sign of life before an engine counts as hung. */
export interface Patience {
  readonly hello: number;
  readonly request: number;
}

const defaultPatience: Patience = { hello: 120_000, request: 300_000 };

/** The command that starts an engine. */
export interface EngineCommand {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly patience?: Partial<Patience>;
  /** True for the reference: what it refuses is the caller's matter, and that it can't be started the machine's. */
  readonly reference?: boolean;
}

/** One batch of taps, tensors in memory. */
export interface TapBatch {
  readonly phase: string;
  readonly taps: readonly { readonly site: string; readonly tensor: RawTensor; readonly noise?: RawTensor }[];
}

/** A run's batches, its result at the end. Leaving the loop early cancels the run. */
export type TapStream = AsyncGenerator<TapBatch, Result<"run">>;

/** Another engine's batches for a replaying run. */
export interface Feed {
  /** Hands a batch file over, before its first reader deletes it. */
  add(batch: TapsNotification): void;
  end(): void;
}

/** Watches the raw batches of a run, while their files still exist. */
export type BatchListener = (batch: TapsNotification) => void;

/** A running engine. All methods reject with EngineFailure when it crashes, hangs or breaks the protocol. */
export interface EngineProcess {
  readonly hello: Result<"hello">;
  readonly spool: string;
  readonly pid: number;
  /** False once the process has ended. */
  alive(): boolean;
  request<M extends Exclude<Method, "run" | "hello" | "explain">>(method: M, params: Params<M>): Promise<Result<M>>;
  /** Runs phases; yields batches as they come. `listen` sees each batch before its file is read and deleted. */
  run(params: Omit<Params<"run">, "run" | "credits" | "replay" | "explain">, listen?: BatchListener): TapStream;
  /** Runs phases on another engine's batches (capability `replay`). */
  replay(params: Omit<Params<"run">, "run" | "credits" | "replay">): {
    readonly feed: Feed;
    readonly stream: TapStream;
  };
  /**
   * Searches for the changes of itself that give what another engine had at a site (capability `explain`); with the
   * tensors of its file.
   */
  explain(params: Params<"explain">): Promise<Result<"explain"> & { readonly tensors: ReadonlyMap<string, RawTensor> }>;
  /** Sends a raw line, for tests of how an engine treats what is not a request. */
  sendLine(line: string): void;
  close(): Promise<void>;
}

/** Unread batches that an engine may have on disk: enough to overlap, few enough for O(one layer) memory. */
export const credits = 3;

/**
 * Starts an engine in a process group of its own and shakes hands.
 * @throws EngineFailure when it can't be started, dies, says nothing for `patience.hello` ms, or speaks another
 * protocol.
 */
export async function startEngine({
  command,
  environment,
  patience,
  reference,
}: EngineCommand): Promise<EngineProcess> {
  const { hello: helloPatience, request: requestPatience } = { ...defaultPatience, ...patience };
  if (!command[0]) throw new UsageError("an engine needs a command");
  const title = command.join(" ");
  const libraries = cachesOfLibraries();
  sweepCache();
  const spool = createSpool();
  const child = startIn(spool, command, { ...libraries, ...environment });
  const forget = onExit(() => child.kill());
  const connection = openConnection(child, { title, isReference: reference ?? false });
  let runs = 0;

  const close = async (): Promise<void> => {
    if (connection.alive()) await connection.request("shutdown", {}, 2_000).catch(() => undefined);
    child.kill();
    await child.ended;
    forget();
    removeSpool(spool);
  };

  async function* read(id: string, stream: RunStream, listen?: BatchListener): TapStream {
    let finished = false;
    try {
      for (;;) {
        const next = await stream.next();
        if (next.done) {
          finished = true;
          return next.value;
        }
        const batch = takeBatch(next.value, listen);
        stream.grant();
        yield batch;
      }
    } finally {
      if (!finished) for (const batch of await stream.cancel()) dropSpoolFile(spool, batch.file);
    }
  }

  /** Checks a batch before anybody else sees it, hands it to `listen`, and reads it; a wrong one ends the engine. */
  const takeBatch = (batch: TapsNotification, listen?: BatchListener): TapBatch => {
    try {
      using file = openSpoolFile(spool, batch.file, title);
      listen?.(batch);
      return readBatch(file, batch);
    } catch (error) {
      throw error instanceof EngineFailure ? blamed(error) : error;
    }
  };
  const blamed = (error: EngineFailure): EngineFailure => {
    connection.blame("sent a wrong file");
    return error;
  };

  type RunParams = Omit<Params<"run">, "run" | "credits" | "replay">;
  const open = (params: RunParams, replay: boolean) => {
    const id = `${process.pid}-${runs++}`;
    return {
      id,
      stream: connection.openRun(id, { ...params, ...(replay && { replay }), run: id, credits }, requestPatience),
    };
  };
  const run = (params: RunParams, listen?: BatchListener): TapStream => {
    const { id, stream } = open(params, false);
    return read(id, stream, listen);
  };
  const replay = (params: RunParams) => {
    const { id, stream } = open(params, true);
    const feed: Feed = {
      add({ phase, batch, file: original, taps }) {
        const copy = join(spool, `feed-${id}-${batch}.safetensors`);
        shareFile(original, copy);
        connection.notify("feed", { run: id, batch: { phase, batch, file: copy, taps } });
      },
      end: () => connection.notify("feed", { run: id, batch: null }),
    };
    return { feed, stream: read(id, stream) };
  };

  try {
    const hello = await connection.request(
      "hello",
      { protocol: protocolVersion, spool, cache: cacheFolder() },
      helloPatience,
    );
    if (hello.protocol !== protocolVersion)
      throw new EngineFailure(`${hello.name} speaks protocol ${hello.protocol}, expected ${protocolVersion}`, {
        remedy: "use versions of the engine adapter and of lockstep that belong together",
      });
    return {
      hello,
      spool,
      pid: child.pid!,
      alive: connection.alive,
      request: (method, params) => connection.request(method, params, requestPatience),
      run,
      replay,
      async explain(params) {
        const result = await connection.request("explain", params, requestPatience);
        if (result.file === null) return { ...result, tensors: new Map() };
        using file = openSpoolFile(spool, result.file, title);
        return { ...result, tensors: file.take() };
      },
      sendLine: (line) => void child.stdin.write(`${line}\n`),
      close,
    };
  } catch (error) {
    await close();
    if (!reference || !(error instanceof EngineFailure)) throw error;
    throw new EnvironmentError(
      `the reference can't be started: ${error.message}; mend it with: lockstep doctor --fix`,
      {
        stderrTail: error.stderrTail,
      },
    );
  }
}

/** Starts a command; its spool is gone when it can't be. */
function startIn(spool: string, command: readonly string[], environment: Record<string, string>): EngineChild {
  try {
    return startChild(command, { spool, environment });
  } catch (error) {
    removeSpool(spool);
    throw error;
  }
}

/**
 * Environment variables that put what Node and PyTorch compile into the cache folder; without them it is left in the
 * temp folder. A variable that is set already is kept.
 */
function cachesOfLibraries(): Record<string, string> {
  const names = { NODE_COMPILE_CACHE: "node-compiled", TORCHINDUCTOR_CACHE_DIR: "torchinductor" };
  return Object.fromEntries(
    Object.entries(names).map(([name, folder]) => [name, process.env[name] ?? join(cacheFolder(), folder)]),
  );
}

/** Gives a file a second name, without a copy where both lie on one device. */
function shareFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** Reads a batch into memory and deletes its file. @throws EngineFailure for a site whose tensor is not in it. */
export function readBatch(file: SpoolFile, { phase, taps }: TapsNotification): TapBatch {
  const tensors = file.take();
  return {
    phase,
    taps: taps.map(({ site, tensor, noise }) => {
      const held = (name: string): RawTensor => {
        const match = tensors.get(name);
        if (match) return match;
        throw new EngineFailure(
          `${file.sender}: site ${site} names tensor ${name}, which its batch file does not hold`,
        );
      };
      return { site, tensor: held(tensor), ...(noise !== undefined && { noise: held(noise) }) };
    }),
  };
}
