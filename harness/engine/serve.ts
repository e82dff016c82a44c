import { createHash } from "node:crypto";
import { readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { writeSafetensors } from "../trace/safetensors.ts";
import type { RawTensor } from "../trace/tensor.ts";
import type { EmitTaps, EngineImplementation, Tap } from "./implementation.ts";
import { EngineError } from "./implementation.ts";
import type { Method, Params, Result } from "./protocol.ts";
import { maxMessageBytes, methods, protocolVersion } from "./protocol.ts";
import { cancelNotification, creditNotification, errorCodes } from "./notifications.ts";

interface Message {
  id?: number | string;
  method?: string;
  params?: unknown;
}

/**
 * Serves an engine on stdin/stdout until `shutdown` or end of input. Reading is synchronous, so that a synchronous
 * forward can wait for credits in the middle of a layer.
 */
export async function serveEngine(engine: EngineImplementation): Promise<void> {
  const wire = openWire();
  let spool = "";
  let files = 0;
  for (;;) {
    const message = wire.next();
    if (message === null) return;
    if (message.id === undefined) continue; // a credit or cancel for a run that has ended
    try {
      const { params, method } = parseRequest(message);
      if (method === "hello") spool = (params as { spool: string }).spool;
      const result = await dispatch(engine, method, params, {
        open: (run, credits) => emitter(wire, spool, run, credits),
        newFile: (name) => join(spool, `${name}-${files++}.safetensors`),
      });
      wire.send({ id: message.id, result });
      if (method === "shutdown") return;
    } catch (error) {
      wire.send({ id: message.id, error: describe(error) });
    }
  }
}

function parseRequest(message: Message): { method: Method; params: unknown } {
  const method = message.method as Method;
  if (!Object.hasOwn(methods, method))
    throw new EngineError(-32601, `unknown method ${JSON.stringify(method)}`, {
      expected: Object.keys(methods).join(", "),
    });
  const parsed = methods[method].params.safeParse(message.params ?? {});
  if (!parsed.success)
    throw new EngineError(
      -32602,
      `${method}: ${parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ")}`,
    );
  return { method, params: parsed.data };
}

interface Emitter {
  readonly emit: EmitTaps;
  readonly counts: { batches: number; taps: number };
}

/** Makes what an answer writes into the spool: the batches of a run, and files of other names. */
interface Spooling {
  readonly open: (run: string, credits: number) => Emitter;
  readonly newFile: (name: string) => string;
}

async function dispatch(
  engine: EngineImplementation,
  method: Method,
  params: unknown,
  { open, newFile }: Spooling,
): Promise<unknown> {
  switch (method) {
    case "hello":
      return { protocol: protocolVersion, ...engine.hello() };
    case "load":
      return engine.load(params as never);
    case "run": {
      const { run, credits } = params as { run: string; credits: number };
      const { emit, counts } = open(run, credits);
      engine.run(params as never, emit);
      return { run, ...counts };
    }
    case "shapes":
      return engine.shapes(params as never);
    case "tokenize":
    case "generate": {
      const answer = engine[method]?.bind(engine) as ((params: unknown) => Promise<unknown>) | undefined;
      if (!answer) throw new EngineError(errorCodes.unsupported, `this engine has no ${method}`);
      return answer(params);
    }
    case "tensors":
      if (!engine.tensors) throw new EngineError(errorCodes.unsupported, "this engine gives no tensors");
      return answerTensors(engine.tensors.bind(engine), params as Params<"tensors">, newFile("tensors"));
    case "config_reads":
      return engine.configReads();
    case "unload":
      engine.unload();
      return {};
    case "shutdown":
      return {};
  }
}

/** The checksums of an engine's tensors; their values in `file` where they are asked for. */
export function answerTensors(
  tensorsOf: NonNullable<EngineImplementation["tensors"]>,
  { names, values = false }: Params<"tensors">,
  file: string,
): Result<"tensors"> {
  const tensors = tensorsOf(names);
  const checksums = [...tensors].map(([name, { dtype, bytes }]) => ({
    ...{ name, dtype },
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  if (!values) return { checksums, file: null };
  writeSafetensors(file, tensors);
  return { checksums, file };
}

/** Spools batches and blocks while the harness has `credits` unread ones. */
function emitter(wire: Wire, spool: string, run: string, credits: number): Emitter {
  const counts = { batches: 0, taps: 0 };
  const emit: EmitTaps = (phase, taps) => {
    while (credits === 0) {
      const message = wire.next();
      if (message === null) throw new EngineError(errorCodes.cancelled, "the harness went away");
      if (message.method === "credit") {
        const { run: to, credits: more } = creditNotification.parse(message.params);
        if (to === run) credits += more;
      } else if (message.method === "cancel" && cancelNotification.parse(message.params).run === run) {
        throw new EngineError(errorCodes.cancelled, `run ${run} was cancelled`);
      }
    }
    credits -= 1;
    const file = join(spool, `${run}-${counts.batches}.safetensors`);
    const { tensors, names } = nameTensors(taps);
    writeSafetensors(file, tensors);
    wire.send({ method: "taps", params: { run, phase, batch: counts.batches, file, taps: names } });
    counts.batches += 1;
    counts.taps += taps.length;
  };
  return { emit, counts };
}

/**
 * A batch's tensors under names of their own, and which site has which: a tensor that several sites share is written
 * once.
 */
export function nameTensors(taps: readonly Tap[]) {
  const nameOf = new Map<RawTensor, string>();
  const names = taps.map(({ site, tensor }) => {
    const name = nameOf.get(tensor) ?? `t${nameOf.size}`;
    nameOf.set(tensor, name);
    return { site, tensor: name };
  });
  return { names, tensors: new Map([...nameOf].map(([tensor, name]) => [name, tensor])) };
}

function describe(error: unknown) {
  if (error instanceof EngineError) return { code: error.code, message: error.message, data: error.data };
  const { message, stack, name } = error as Error;
  if (name === "SafetensorsError") return { code: errorCodes.badInput, message };
  process.stderr.write(`${stack}\n`);
  return { code: errorCodes.internal, message };
}

interface Wire {
  /** The next message, or null at end of input. */
  next(): Message | null;
  send(message: object): void;
}

function openWire(): Wire {
  let pending = Buffer.alloc(0);
  const chunk = Buffer.alloc(1 << 16);
  const next = (): Message | null => {
    for (;;) {
      const end = pending.indexOf(10);
      if (end >= 0) {
        const line = pending.toString("utf8", 0, end);
        pending = pending.subarray(end + 1);
        if (line.trim() === "") continue;
        try {
          return JSON.parse(line) as Message;
        } catch {
          send({ id: null, error: { code: -32700, message: `not JSON: ${line.slice(0, 60)}` } });
          continue;
        }
      }
      if (pending.length > maxMessageBytes) {
        send({ id: null, error: { code: -32600, message: `message longer than ${maxMessageBytes} bytes` } });
        return null;
      }
      const count = readChunk(chunk);
      if (count === 0) return null;
      pending = Buffer.concat([pending, chunk.subarray(0, count)]);
    }
  };
  const send = (message: object): void => {
    const line = Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    for (let done = 0; done < line.length;) done += writeChunk(line.subarray(done));
  };
  return { next, send };
}

/** `readSync` on stdin; 0 at end of input. A non-blocking pipe answers EAGAIN: wait a little. */
function readChunk(chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(0, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      sleep(1);
    }
  }
}

function writeChunk(bytes: Buffer): number {
  for (;;) {
    try {
      return writeSync(1, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      sleep(1);
    }
  }
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
