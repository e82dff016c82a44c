import { readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { EngineProcess, Feed, TapStream } from "../engine/process.ts";
import type { Params } from "../engine/protocol.ts";

/** The two processes of a replay. */
export interface ReplaySides {
  readonly reference: EngineProcess;
  readonly engine: EngineProcess;
}

type RunParams = Omit<Params<"run">, "run" | "credits" | "replay" | "oracle">;

/** Batches on disk for both replaying runs together: memory stays O(one layer). */
const mostUnread = 24;

/** The engine's run, each batch also handed to the replaying runs; they learn of its end however it comes. */
export async function* feeding(
  engine: EngineProcess,
  run: Parameters<EngineProcess["run"]>[0],
  feeds: readonly Feed[],
): TapStream {
  try {
    return yield* engine.run(run, (batch) => feeds.forEach((feed) => feed.add(batch)));
  } finally {
    for (const feed of feeds) feed.end();
  }
}

/** Runs the engine and replays it in its dtype and in float64, for what the reference keeps of it: no tap is judged. */
export async function replayRun({ engine, reference }: ReplaySides, { explain, ...run }: RunParams): Promise<void> {
  const kept = { ...run, ...(explain && { explain }) };
  const replays = [
    reference.replay({ ...kept, oracle: false, sites: [] }),
    reference.replay({ ...kept, oracle: true, sites: [] }),
  ] as const;
  let replaying = replays.length;
  const drain = async (stream: TapStream): Promise<void> => {
    while (!(await stream.next()).done);
  };
  const replayed = replays.map(({ stream }) => drain(stream).finally(() => (replaying -= 1)));
  const feeds = replays.map(({ feed }) => feed);
  const fed = (async () => {
    for await (const _ of feeding(engine, { ...run, oracle: false }, feeds))
      while (replaying > 0 && unread(reference.spool) > mostUnread) await setTimeout(2);
  })();
  await Promise.all([...replayed, fed]);
}

/** Batches that wait for the replaying runs: each deletes what it has read. */
function unread(spool: string): number {
  return readdirSync(spool).filter((name) => name.startsWith("feed-")).length;
}
