import type { Readable, Writable } from "node:stream";
import { EngineFailure } from "../trace/errors.ts";
import type { Method, Params, Result, TapsNotification } from "./protocol.ts";
import { errorData, maxMessageBytes, methods, tapsNotification } from "./protocol.ts";

/** One run's notifications in order, then its result. */
export interface RunStream {
  next(): Promise<{ done: false; value: TapsNotification } | { done: true; value: Result<"run"> }>;
  /** Asks the engine to stop and waits until it has; returns the batches that nobody has read. */
  cancel(): Promise<readonly TapsNotification[]>;
}

/** JSON-RPC over a child process. */
export interface Connection {
  alive(): boolean;
  notify(method: string, params: object): void;
  request<M extends Method>(method: M, params: Params<M>, patience: number): Promise<Result<M>>;
  openRun(id: string, params: Params<"run">, patience: number): RunStream;
}

/** A child process as the connection needs it. */
export interface Child {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the process has ended; never rejects. */
  readonly ended: Promise<{ signal?: string | undefined; exitCode?: number | undefined; code?: string | undefined }>;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Incoming {
  id?: number | null;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

const stderrLines = 30;

/** Milliseconds that an engine has to end a cancelled run: it looks at its messages at least once a layer. */
const cancelPatience = 10_000;

/**
 * Connects to a child that was started with piped stdin, stdout and stderr. `kill` must end its whole process group.
 */
export function openConnection(child: Child, title: string, kill: () => void): Connection {
  const pending = new Map<number, Pending>();
  const runs = new Map<string, (batch: TapsNotification) => void>();
  const tail: string[] = [];
  let nextId = 1;
  let ended: EngineFailure | null = null;
  let lastSign = Date.now();

  const fail = (message: string, remedy?: string): void => {
    if (ended) return;
    ended = new EngineFailure(`${title}: ${message}`, { stderrTail: [...tail], remedy });
    kill();
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
  };

  readLines(child.stderr, (line) => {
    tail.push(line);
    if (tail.length > stderrLines) tail.shift();
  });
  /**
   * Rejects one turn of the event loop later, when stderr that the engine wrote before its error has been read from the
   * pipe.
   */
  const rejectWith = (reject: (error: Error) => void, error: NonNullable<Incoming["error"]>): void =>
    void setImmediate(() => reject(remoteError(title, error, [...tail])));
  const tooLong = () => fail(`sent a line longer than ${maxMessageBytes} bytes`);
  readLines(
    child.stdout,
    (line) => {
      lastSign = Date.now();
      const message = parse(line);
      if (!message)
        return fail(`expected JSON-RPC on stdout, found ${JSON.stringify(line.slice(0, 80))}`, "send logs to stderr");
      if (message.method === "taps") return deliver(message.params);
      const waiting = typeof message.id === "number" ? pending.get(message.id) : undefined;
      if (!waiting) return;
      pending.delete(message.id as number);
      if (message.error) rejectWith(waiting.reject, message.error);
      else waiting.resolve(message.result);
    },
    tooLong,
  );
  void child.ended.then((result) => {
    const how = result.signal
      ? `was killed by ${result.signal}`
      : `ended with exit code ${result.exitCode ?? "unknown"}`;
    setImmediate(() => fail(result.code === "ENOENT" ? "no such command" : how)); // stdout may still hold the last lines
  });
  child.stdin.on("error", () => undefined); // the exit handler above reports it

  const deliver = (params: unknown): void => {
    const parsed = tapsNotification.safeParse(params);
    if (!parsed.success) return fail(`sent a malformed taps notification: ${parsed.error.message}`);
    runs.get(parsed.data.run)?.(parsed.data);
  };
  const send = (message: object): void => {
    if (!ended) child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  };

  const request = async <M extends Method>(method: M, params: Params<M>, patience: number): Promise<Result<M>> => {
    if (ended) throw ended;
    const id = nextId++;
    lastSign = Date.now();
    if (pending.size === 0) tail.length = 0; // an error shows what was written since its own request began
    const watch = setInterval(
      () => {
        if (Date.now() - lastSign > patience)
          fail(
            `no answer to ${method} for ${Math.round(patience / 1000)} s: the engine hangs`,
            "raise the patience if the engine is slow",
          );
      },
      Math.min(1000, patience / 4),
    );
    try {
      const result = await new Promise<unknown>((resolve, reject) => {
        pending.set(id, { resolve, reject });
        send({ id, method, params });
      });
      const parsed = methods[method].result.safeParse(result);
      if (!parsed.success) throw new EngineFailure(`${title}: malformed result of ${method}: ${parsed.error.message}`);
      return parsed.data as Result<M>;
    } finally {
      clearInterval(watch);
    }
  };

  const openRun = (id: string, params: Params<"run">, patience: number): RunStream => {
    const queue: TapsNotification[] = [];
    let wake = (): void => undefined;
    runs.set(id, (batch) => {
      queue.push(batch);
      wake();
    });
    let outcome: { value: Result<"run"> } | { error: unknown } | null = null;
    const finished = request("run", params, patience).then(
      (value) => (outcome = { value }),
      (error: unknown) => (outcome = { error }),
    );
    void finished.then(() => wake());
    const next: RunStream["next"] = async () => {
      for (;;) {
        const batch = queue.shift();
        if (batch) return { done: false, value: batch };
        if (outcome) {
          runs.delete(id);
          if ("error" in outcome) throw outcome.error;
          return { done: true, value: outcome.value };
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    const cancel: RunStream["cancel"] = async () => {
      if (!outcome) send({ method: "cancel", params: { run: id } });
      const tooLate = setTimeout(
        () => fail(`run ${id} did not stop when it was cancelled`),
        Math.min(patience, cancelPatience),
      );
      await finished;
      clearTimeout(tooLate);
      runs.delete(id);
      return queue;
    };
    return { next, cancel };
  };

  const notify = (method: string, params: object): void => {
    lastSign = Date.now(); // an engine that waits for our credits does not hang
    send({ method, params });
  };
  return { alive: () => ended === null, notify, request, openRun };
}

function parse(line: string): Incoming | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Incoming) : null;
  } catch {
    return null;
  }
}

function remoteError(title: string, error: { code: number; message: string; data?: unknown }, tail: readonly string[]) {
  const data = errorData.safeParse(error.data).data ?? {};
  const facts = [
    data.where && `at ${data.where}`,
    data.expected && `expected ${data.expected}`,
    data.found && `found ${data.found}`,
  ].filter(Boolean);
  const refusal = [`${error.message} (${error.code})`, ...facts].join("; ");
  const stderrTail = error.code === -32603 ? tail : [];
  return new EngineFailure(`${title}: ${refusal}`, { stderrTail, remedy: data.remedy, refusal });
}

/** Calls `take` for each line that is not empty; `overflow`, once, when a line outgrows the message limit. */
function readLines(stream: Readable, take: (line: string) => void, overflow?: () => void): void {
  let parts: Buffer[] = [];
  let size = 0;
  const finishLine = (last: Buffer): void => {
    const line = Buffer.concat([...parts, last]).toString("utf8");
    parts = [];
    size = 0;
    if (line.trim() !== "") take(line);
  };
  stream.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      finishLine(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    parts.push(rest);
    size += rest.length;
    if (overflow && size > maxMessageBytes) {
      parts = [];
      stream.removeAllListeners("data");
      overflow();
    }
  });
  stream.on("end", () => finishLine(Buffer.alloc(0)));
}
