import { unlinkSync } from "node:fs";
import { execa } from "execa";
import { cacheFolder } from "../setup/cache.ts";
import { EngineFailure, UsageError } from "../trace/errors.ts";
import { readSafetensorsIndex, readTensor } from "../trace/safetensors.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { openConnection } from "./connection.ts";
import type { Method, Params, Result, TapsNotification } from "./protocol.ts";
import { errorCodes, protocolVersion } from "./protocol.ts";
import { checkSpoolFile, createSpool, removeSpool } from "./spool.ts";

/** Milliseconds without any sign of life before an engine counts as hung. */
export interface Patience {
  readonly hello: number;
  readonly request: number;
}

const defaultPatience: Patience = { hello: 120_000, request: 300_000 };

/** How to start an engine. */
export interface EngineCommand {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly patience?: Partial<Patience>;
}

/** One batch of taps, tensors in memory. */
export interface TapBatch {
  readonly phase: string;
  readonly taps: readonly { readonly site: string; readonly tensor: RawTensor }[];
}

/** A running engine. All methods reject with EngineFailure when it crashes, hangs or breaks the protocol. */
export interface EngineProcess {
  readonly hello: Result<"hello">;
  readonly spool: string;
  readonly pid: number;
  /** False once the process has ended. */
  alive(): boolean;
  request<M extends Exclude<Method, "run" | "hello">>(method: M, params: Params<M>): Promise<Result<M>>;
  /** Runs phases; yields batches as they come. Leaving the loop early cancels the run. */
  run(params: Omit<Params<"run">, "run" | "credits">): AsyncGenerator<TapBatch, Result<"run">>;
  /** Sends a raw line, for tests of how an engine treats what is not a request. */
  sendLine(line: string): void;
  close(): Promise<void>;
}

/** Unread batches that an engine may have on disk: enough to overlap, few enough for O(one layer) memory. */
export const credits = 3;

/**
 * Starts an engine in a process group of its own and shakes hands.
 * @throws EngineFailure when it can't be started, dies, says nothing for `patience.hello` ms, or speaks another protocol.
 */
export async function startEngine({ command, environment, patience }: EngineCommand): Promise<EngineProcess> {
  const { hello: helloPatience, request: requestPatience } = { ...defaultPatience, ...patience };
  const [file, ...args] = command;
  if (!file) throw new UsageError("an engine needs a command");
  const spool = createSpool();
  const child = execa(file, args, {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
    detached: true,
    env: { ...environment },
  });
  const killGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // already gone
    }
  };
  process.once("exit", killGroup);
  const connection = openConnection(
    { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended: child },
    command.join(" "),
    killGroup,
  );
  let runs = 0;

  const close = async (): Promise<void> => {
    if (connection.alive()) await connection.request("shutdown", {}, 2_000).catch(() => undefined);
    child.stdin.end();
    killGroup();
    await child;
    process.off("exit", killGroup);
    removeSpool(spool);
  };

  async function* run(params: Omit<Params<"run">, "run" | "credits">): AsyncGenerator<TapBatch, Result<"run">> {
    const id = `${process.pid}-${runs++}`;
    const stream = connection.openRun(id, { ...params, run: id, credits }, requestPatience);
    let finished = false;
    try {
      for (;;) {
        const next = await stream.next();
        if (next.done) {
          finished = true;
          return next.value;
        }
        const batch = readBatch(spool, next.value);
        connection.notify("credit", { run: id, credits: 1 });
        yield batch;
      }
    } finally {
      if (!finished) await stream.cancel();
    }
  }

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
      sendLine: (line) => void child.stdin.write(`${line}\n`),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Reads a batch into memory and deletes its file. */
function readBatch(spool: string, { phase, file, taps }: TapsNotification): TapBatch {
  checkSpoolFile(spool, file);
  const { entries } = readSafetensorsIndex(file);
  const tensors = new Map([...entries.values()].map((entry) => [entry.name, readTensor(entry)]));
  unlinkSync(file);
  return {
    phase,
    taps: taps.map(({ site, tensor }) => {
      const found = tensors.get(tensor);
      if (!found) throw new EngineFailure(`site ${site} names tensor ${tensor}, which its batch file does not hold`);
      return { site, tensor: found };
    }),
  };
}

/** True for a run that ended because the harness asked it to. */
export function isCancelled(error: unknown): boolean {
  return error instanceof EngineFailure && error.message.includes(`(${errorCodes.cancelled})`);
}
