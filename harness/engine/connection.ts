import type { z } from "zod";
import { EngineFailure, EnvironmentError, UsageError } from "../trace/errors.ts";
import type { EngineChild, Ending } from "./child.ts";
import { clip, keepTail, readLines } from "./lines.ts";
import type { Method, Params, Result } from "./protocol.ts";
import type { TapsNotification } from "./notifications.ts";
import { maxMessageBytes, methods } from "./protocol.ts";
import { errorCodes, errorData, remoteErrorSchema, tapsNotification } from "./notifications.ts";
import type { Account } from "./run-account.ts";
import { openAccount } from "./run-account.ts";

/** One run's notifications in order, then its result. */
export interface RunStream {
  next(): Promise<{ done: false; value: TapsNotification } | { done: true; value: Result<"run"> }>;
  /** Tells the engine that one more batch has been read. */
  grant(): void;
  /** Asks the engine to stop and waits until it has; returns the batches that nobody has read. */
  cancel(): Promise<readonly TapsNotification[]>;
}

/** JSON-RPC over a child process. */
export interface Connection {
  alive(): boolean;
  notify(method: string, params: object): void;
  request<M extends Method>(method: M, params: Params<M>, patience: number): Promise<Result<M>>;
  openRun(id: string, params: Params<"run">, patience: number): RunStream;
  /** Ends an engine that has broken the protocol, and all its requests with it; returns the failure that they get. */
  blame(message: string): EngineFailure;
}

interface Pending {
  /** True where a refusal is the caller's matter, not the engine's. */
  readonly isCallers: boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Incoming {
  id?: unknown;
  method?: unknown;
  params?: unknown;
  result?: unknown;
  error?: unknown;
}

interface OpenRun {
  readonly account: Account;
  readonly take: (batch: TapsNotification) => void;
}

/** Milliseconds that an engine has to end a cancelled run: it looks at its messages at least once a layer. */
const cancelPatience = 10_000;

/** Characters of an engine's own message that are kept. */
const longestMessage = 2000;

/**
 * Connects to a started engine; whatever it writes that the protocol does not allow ends it. What the reference refuses
 * is wrong with the config or inputs that it was given: a UsageError.
 */
export function openConnection(
  child: EngineChild,
  { title, isReference }: { readonly title: string; readonly isReference: boolean },
): Connection {
  const pending = new Map<number, Pending>();
  const runs = new Map<string, OpenRun>();
  const tail = keepTail(child.stderr);
  let nextId = 1;
  let ended: EngineFailure | null = null;
  let lastSign = Date.now();

  const fail = (message: string, remedy?: string): EngineFailure => {
    if (ended) return ended;
    ended = new EngineFailure(`${title}: ${message}`, { stderrTail: tail.lines(), remedy });
    child.kill();
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
    return ended;
  };

  /** Takes one message; only what this harness waits for is a sign of life. */
  const receive = (line: string): unknown => {
    const message = parse(line);
    if (!message)
      return fail(`expected JSON-RPC on stdout, found ${JSON.stringify(line.slice(0, 80))}`, "send logs to stderr");
    if (message.method === "taps") return deliver(message.params);
    if (message.method !== undefined || message.id === null || message.id === undefined) return undefined;
    const waiting = typeof message.id === "number" ? pending.get(message.id) : undefined;
    if (!waiting) return fail(`answered a request that was not made: ${clip(JSON.stringify(message.id), 80)}`);
    const error = message.error === undefined ? null : remoteErrorSchema.safeParse(message.error);
    if (error && !error.success) return fail(`sent a malformed error: ${firstProblem(error.error)}`);
    lastSign = Date.now();
    pending.delete(message.id as number);
    if (!error) return waiting.resolve(message.result);
    // One turn of the event loop later: what the engine wrote to stderr before has been read from the pipe then.
    return setImmediate(() =>
      waiting.reject(remoteError(error.data, { title, tail: tail.lines(), isCallers: waiting.isCallers })),
    );
  };
  readLines(child.stdout, {
    longest: maxMessageBytes,
    take: receive,
    overflow: () => void fail(`sent a line longer than ${maxMessageBytes} bytes`, "send logs to stderr"),
  });
  void child.ended.then((ending) => setImmediate(() => fail(endingText(ending)))); // stdout may still hold the last lines
  child.stdin.on("error", () => undefined); // the ending above reports it

  const deliver = (params: unknown): unknown => {
    const parsed = tapsNotification.safeParse(params);
    if (!parsed.success) return fail(`sent a malformed taps notification: ${firstProblem(parsed.error)}`);
    const run = runs.get(parsed.data.run);
    if (!run) return fail(`sent taps of run ${clip(JSON.stringify(parsed.data.run), 80)}, which is not under way`);
    const problem = run.account.enter(parsed.data);
    if (problem !== null) return fail(problem);
    lastSign = Date.now();
    return run.take(parsed.data);
  };
  const send = (message: object): void => {
    if (!ended) child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  };

  const request = async <M extends Method>(method: M, params: Params<M>, patience: number): Promise<Result<M>> => {
    if (ended) throw ended;
    const id = nextId++;
    lastSign = Date.now();
    if (pending.size === 0) tail.clear(); // an error shows what was written since its own request began
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
        pending.set(id, { resolve, reject, isCallers: isReference && isOfCaller(method, params) });
        send({ id, method, params });
      });
      const parsed = methods[method].result.safeParse(result);
      if (!parsed.success)
        throw new EngineFailure(`${title}: malformed result of ${method}: ${firstProblem(parsed.error)}`);
      return parsed.data as Result<M>;
    } finally {
      clearInterval(watch);
    }
  };

  const openRun = (id: string, params: Params<"run">, patience: number): RunStream => {
    const queue: TapsNotification[] = [];
    const account = openAccount(params);
    let wake = (): void => undefined;
    const take = (batch: TapsNotification): void => {
      queue.push(batch);
      wake();
    };
    runs.set(id, { account, take });
    let outcome: { value: Result<"run"> } | { error: unknown } | null = null;
    const finished = request("run", params, patience)
      .then((value) => {
        const problem = account.close(value);
        if (problem !== null) throw fail(problem);
        outcome = { value };
      })
      .catch((error: unknown) => void (outcome = { error }))
      .finally(() => {
        runs.delete(id);
        wake();
      });
    const next: RunStream["next"] = async () => {
      for (;;) {
        const batch = queue.shift();
        if (batch) return { done: false, value: batch };
        if (outcome) {
          if ("error" in outcome) throw outcome.error;
          return { done: true, value: outcome.value };
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    const grant: RunStream["grant"] = () => {
      account.grant();
      notify("credit", { run: id, credits: 1 });
    };
    const cancel: RunStream["cancel"] = async () => {
      if (!outcome) send({ method: "cancel", params: { run: id } });
      const tooLate = setTimeout(
        () => fail(`run ${id} did not stop when it was cancelled`),
        Math.min(patience, cancelPatience),
      );
      await finished;
      clearTimeout(tooLate);
      return queue;
    };
    return { next, grant, cancel };
  };

  const notify = (method: string, params: object): void => {
    lastSign = Date.now(); // an engine that waits for our credits does not hang
    send({ method, params });
  };
  return { alive: () => ended === null, notify, request, openRun, blame: (message) => fail(message) };
}

function parse(line: string): Incoming | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Incoming) : null;
  } catch {
    return null;
  }
}

/** The first thing that does not fit a schema: its place and what was expected there. */
function firstProblem({ issues }: z.ZodError): string {
  const { path, message } = issues[0]!;
  return clip(`${path.join(".") || "it"}: ${message}`, 300);
}

const startProblems: Readonly<Record<string, string>> = {
  ENOENT: "no such command",
  EACCES: "not a command that may be executed",
  ENOEXEC: "not a program that this machine can run",
};

function endingText({ exitCode, signal, code }: Ending): string {
  if (code !== undefined) return startProblems[code] ?? `can't be started (${code})`;
  return signal ? `was killed by ${signal}` : `ended with exit code ${exitCode ?? "unknown"}`;
}

/** True for a request that is about what the caller has given, not about what an engine has sent. */
function isOfCaller(method: Method, params: object): boolean {
  const isReplay = "replay" in params && params.replay === true;
  return !isReplay && method !== "explain" && method !== "power";
}

function remoteError(
  error: z.infer<typeof remoteErrorSchema>,
  { title, tail, isCallers }: { readonly title: string; readonly tail: readonly string[]; readonly isCallers: boolean },
): Error {
  const data = errorData.safeParse(error.data).data ?? {};
  const facts = [
    data.where && `at ${data.where}`,
    data.expected && `expected ${data.expected}`,
    data.found && `found ${data.found}`,
  ].filter(Boolean);
  const refusal = clip([`${error.message} (${error.code})`, ...facts].join("; "), longestMessage);
  if (error.code === errorCodes.environment) return new EnvironmentError(`${title}: ${refusal}`, { stderrTail: tail });
  if (isCallers && (error.code === errorCodes.unsupported || error.code === errorCodes.badInput))
    return new UsageError(
      `the reference does not run this: ${[error.message, ...facts, data.remedy].filter(Boolean).join("; ")}`,
    );
  return new EngineFailure(`${title}: ${refusal}`, {
    ...{ refusal, code: error.code, remedy: data.remedy },
    stderrTail: error.code === -32603 ? tail : [],
  });
}
