/** Messages with something wrong, from an engine that is no process: each ends it, is passed over, or is taken. */
import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { EngineChild, Ending } from "../../harness/engine/child.ts";
import { openConnection } from "../../harness/engine/connection.ts";
import { EngineFailure } from "../../harness/trace/errors.ts";
import type { Stage } from "./files.ts";
import { numbersOf } from "./files.ts";

type Numbers = ReturnType<typeof numbersOf>;

const phases = ["prefill", "full"].map((name) => ({ name, start: 0, end: 1, cache: false }));

/** A line that an engine could write during the run `r` of request 1. */
function lineOf({ pick, below }: Numbers): string {
  const strange = [null, -1, 1.5, "r", "", [], {}, true, 1e21, "x".repeat(5000)];
  const site = { site: pick<unknown>(["logits", "logits", 7, null]), tensor: pick<unknown>(["t0", "t0", {}]) };
  const params = pick<unknown>([
    {
      run: pick<unknown>(["r", "r", "r", "s", ...strange]),
      phase: pick<unknown>(["prefill", "full", "decode:1", ...strange]),
      batch: pick<unknown>([0, 0, 0, 1, 2, 3, ...strange]),
      file: pick<unknown>(["/none", ...strange]),
      taps: pick<unknown>([[site], [site], [], ...strange]),
    },
    ...strange,
  ]);
  const message = pick<unknown>([
    { method: "taps", params },
    { method: "taps", params },
    { method: pick<unknown>(["progress", "hello", 7, null, "__proto__"]), params },
    {
      id: pick<unknown>([1, 1, 2, "1", null, -1, 1e9, {}]),
      result: pick<unknown>([{}, { run: "r", batches: 0, taps: 0 }, ...strange]),
    },
    {
      id: pick<unknown>([1, 1, 2, null]),
      error: pick<unknown>([{ code: -32603, message: "no" }, { code: "x" }, ...strange]),
    },
    ...strange,
  ]);
  const text = JSON.stringify(message);
  const cut = pick([
    text,
    text,
    text,
    text,
    text.slice(0, below(text.length)),
    `${"[".repeat(20_000)}`,
    "Loading: 10%",
    "\0",
  ]);
  return `${cut}${pick(["\n", "\n", "\n", "\r\n", "\n\n"])}`;
}

/** Sends `count` lines, those of `seed`, each to a connection of its own that waits for a run. */
export async function fuzzMessages({ seed, count }: { seed: number; count: number }): Promise<Stage> {
  const problems: string[] = [];
  let [accepted, refused] = [0, 0];
  for (let place = 0; place < count; place++) {
    const streams = [new PassThrough(), new PassThrough(), new PassThrough()] as const;
    let end: (ending: Ending) => void = () => undefined;
    const ended = new Promise<Ending>((resolve) => (end = resolve));
    const child: EngineChild = {
      ...{ stdin: streams[0], stdout: streams[1], stderr: streams[2], pid: undefined, ended },
      kill: () => undefined,
    };
    const connection = openConnection(child, { title: "the sender", isReference: false });
    const run = connection.openRun("r", { run: "r", inputs: "/none", phases, oracle: false, credits: 3 }, 600_000);
    const outcome = run.next().then(
      () => null,
      (error: unknown) => error,
    );
    streams[1].write(lineOf(numbersOf(seed, place)));
    await turn();
    const isAlive = connection.alive();
    end({ exitCode: 0 });
    const error = await outcome;
    if (isAlive) accepted++;
    else refused++;
    if (error !== null && (!(error instanceof EngineFailure) || !error.message.startsWith("the sender: ")))
      problems.push(`message ${place}: ${String(error).slice(0, 300)}`);
    if (error instanceof Error && error.message.length > 3000) problems.push(`message ${place}: an endless sentence`);
    for (const stream of streams) stream.destroy();
  }
  return { accepted, refused, problems };
}
