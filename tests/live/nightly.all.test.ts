/**
 * Nights that are killed, shared between shards, and shared over a queue: each ends with the history of an undisturbed
 * one.
 */
import { appendFileSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { streamKey, uniformBits } from "../../harness/trace/draw.ts";
import { workerName } from "../../harness/night/worker.ts";
import { livePool } from "../support/live.ts";
import { isMissing } from "../support/missing.ts";
import type { Installation, Running } from "../support/nights.ts";
import { countResults, hasRedis, installWithReference, startRedis, timelessHistory, until } from "../support/nights.ts";

/** Nine cases that take a tenth of a second each, in two dtypes. */
const asked = ["nightly", "llama", "bert", "--reference", "pinned"];
const jobs = 18;
const kills = 5;

const redis = !isMissing(hasRedis(), "tests of the queue: no redis-server; apt-get install redis-server");

let lockstep: Installation;
let undisturbed: unknown[] = [];

/** A run of the same night in a folder of its own. */
const night = (name: string, ...more: readonly string[]): Running =>
  lockstep.lockstep(...asked, "--folder", name, ...more);
const folderOf = (name: string): string => join(lockstep.folder, name);

/** Numbers in [0, 1) that look random and are the same in every run. */
function draws(name: string): () => number {
  const key = streamKey(0, name);
  let index = 0;
  return () => uniformBits(key, index++) / 2 ** 32;
}

/**
 * Runs a night and kills it so many times: while it starts, or some milliseconds after another result is there. Then
 * lets it end. `worker` stands still where the night is to be killed: it could end before.
 * @returns what it said in its last run
 */
async function killed(name: string, start: () => Running, worker?: Running): Promise<string> {
  const draw = draws(name);
  for (let count = 0; count < kills; count++) {
    const run = start();
    const starts = draw() < 0.4;
    const before = countResults(folderOf(name));
    if (!starts) {
      // A worker goes on only while the night is there, or it has done all of it before the night has been killed often
      // enough.
      if (worker) await until(() => run.said().includes(" jobs: "), run.said);
      worker?.child.kill("SIGCONT");
      await until(() => countResults(folderOf(name)) > before, run.said);
    }
    worker?.child.kill("SIGSTOP");
    await sleep(draw() * (starts ? 1500 : 60));
    expect(run.child.exitCode, `ended before it was killed:\n${run.said()}`).toBeNull();
    run.child.kill("SIGKILL");
    expect(await run.ended).toBeNull();
    expect(existsSync(join(folderOf(name), "history.jsonl"))).toBe(false);
  }
  worker?.child.kill("SIGCONT");
  expect(countResults(folderOf(name))).toBeGreaterThan(0);
  appendFileSync(join(folderOf(name), "history.jsonl"), '{"kind":"result","night":"cut o'); // as a crash of the machine leaves it
  const last = start();
  expect(await last.ended, last.said()).toBe(0);
  return last.said();
}

describe.skipIf(livePool === null)("a night", () => {
  beforeAll(async () => {
    lockstep = installWithReference();
    const run = night("undisturbed");
    expect(await run.ended, run.said()).toBe(0);
    undisturbed = timelessHistory(folderOf("undisturbed"));
  });
  afterAll(() => lockstep[Symbol.dispose]());

  it("is one line for each job and one that closes it", () => {
    expect(undisturbed).toHaveLength(jobs + 1);
    expect(undisturbed.at(-1)).toMatchObject({ kind: "night", results: jobs, green: true });
    expect(new Set(undisturbed.slice(0, -1).map((line) => (line as { key: string }).key)).size).toBe(jobs);
  });

  it("that is killed five times ends with the history of an undisturbed one", async () => {
    const said = await killed("killed", () => night("killed"));
    expect(said).toMatch(/mended .*: 31 bytes of a night that a crash cut off/);
    expect(said).toMatch(/18 jobs: [1-9]\d* done before its run was ended, \d+ to run/);
    expect(timelessHistory(folderOf("killed"))).toEqual(undisturbed);
    expect(readdirSync(folderOf("killed")).toSorted()).toEqual(["history.jsonl", "history.sqlite", "lock", "results"]);
  });

  it("that is followed by another runs nothing again where nothing changed, and everything when asked to", async () => {
    const next = night("undisturbed");
    expect(await next.ended, next.said()).toBe(0);
    expect(next.said()).toContain("18 as in earlier nights (nothing that they depend on has changed), 0 to run");
    expect(next.said()).toMatch(/since the last green night [\d-]+: nothing changed/);
    const fresh = night("undisturbed", "--fresh");
    expect(await fresh.ended, fresh.said()).toBe(0);
    expect(fresh.said()).toContain("18 jobs: 18 to run");
    expect(timelessHistory(folderOf("undisturbed")).slice(-jobs - 1)).toEqual(undisturbed);
  });

  it("measures an engine again that does not say what it depends on, whatever was measured before", async () => {
    const serve = join(lockstep.folder, "node_modules/lockstep/dist/engines/typescript/serve.js");
    const words = ["nightly", "llama", "--dtype", "float32", "--reference", "pinned", "--folder", "commands"];
    for (const _ of ["first", "second"]) {
      const run = lockstep.lockstep(...words, "--engine", `cmd:node ${serve}`);
      expect(await run.ended, run.said()).toBe(0);
      expect(run.said()).toMatch(/again {2}cmd:node \S+ does not say what it depends on/);
      expect(run.said()).toMatch(/ (\d+) jobs: \1 to run/);
    }
  });

  it("in two shards is merged into the history of an undisturbed one", async () => {
    const shards = ["1/2", "2/2"].map((shard) => ({ shard, folder: `shard-${shard[0]}` }));
    const files: string[] = [];
    for (const { shard, folder } of shards) {
      const run = night(folder, "--shard", shard);
      expect(await run.ended, run.said()).toBe(0);
      const [file] = readdirSync(join(folderOf(folder), "shards"));
      files.push(join(folderOf(folder), "shards", file!));
    }
    const counts = files.map(
      (file) => (JSON.parse(readFileSync(file, "utf8")) as { results: unknown[] }).results.length,
    );
    expect(counts).toEqual([9, 9]);
    const merge = lockstep.lockstep("merge", ...files, "--folder", "merged");
    expect(await merge.ended, merge.said()).toBe(0);
    expect(timelessHistory(folderOf("merged"))).toEqual(undisturbed);
    const half = lockstep.lockstep("merge", files[0]!, "--folder", "half");
    expect(await half.ended).toBe(2);
    expect(half.said()).toContain("expected shards 1, 2, found 1");
  });

  describe.skipIf(!redis)("over a queue", () => {
    it("with two workers, one killed in the middle of a job, loses nothing and has nothing twice", async () => {
      using server = await startRedis();
      const workers = [1, 2].map(() => lockstep.lockstep("worker", "--redis", server.url, "--lease", "4"));
      const [first, second] = workers as [Running, Running];
      const run = night("queue", "--redis", server.url);
      await killInJob(first, server.url);
      expect(await run.ended, run.said() + second.said()).toBe(0);
      second.child.kill("SIGTERM");
      expect(await second.ended, second.said()).toBe(0);
      expect(timelessHistory(folderOf("queue"))).toEqual(undisturbed);
      const done = workers.map((worker) => worker.said().match(/^ PASS /gm)?.length ?? 0);
      expect(done[0]! + done[1]!, `${first.said()}${second.said()}`).toBe(jobs);
      expect(await leftIn(server.url)).toBe(0);
    });

    it("that is killed five times ends with the history of an undisturbed one", async () => {
      using server = await startRedis();
      const worker = lockstep.lockstep("worker", "--redis", server.url, "--lease", "100");
      await killed("queue-killed", () => night("queue-killed", "--redis", server.url), worker);
      worker.child.kill("SIGTERM");
      expect(await worker.ended, worker.said()).toBe(0);
      expect(worker.said().match(/^ PASS /gm)).toHaveLength(jobs);
      expect(timelessHistory(folderOf("queue-killed"))).toEqual(undisturbed);
      expect(await leftIn(server.url)).toBe(0);
    });

    it("refuses jobs that are not signed, counts them, and starts nothing that they name", async () => {
      using server = await startRedis();
      const worker = lockstep.lockstep("worker", "--redis", server.url);
      await until(() => worker.said().includes("worker ready"), worker.said);
      const name = /worker ready {3}(\S+)/.exec(worker.said())![1]!;
      const ran = join(lockstep.folder, "ran");
      const connection = new Redis(server.url, { maxRetriesPerRequest: null });
      const queue = new Queue(name, { connection });
      const forged = { key: "k", night: "n", case: "llama/text", engine: `cmd:touch ${ran}`, cases: [`${ran}.ts`] };
      for (const data of [forged, { body: JSON.stringify(forged), signature: "0".repeat(64) }])
        await queue.add("x", data);
      await until(async () => (await queue.getFailedCount()) === 2, worker.said);
      worker.child.kill("SIGTERM");
      expect(await worker.ended, worker.said()).toBe(1);
      expect(worker.said().match(/ REFUSED {2}\S+ {3}it is not signed/g)).toHaveLength(2);
      expect(worker.said()).toContain("0 jobs done, 2 refused");
      expect(existsSync(ran)).toBe(false);
      await queue.close();
      connection.disconnect();
    });

    it("says what to do where no server answers", async () => {
      const run = night("nowhere", "--redis", "redis://user:secret@127.0.0.1:1");
      expect(await run.ended).toBe(3);
      expect(run.said()).toMatch(
        /no Redis server answers at redis:\/\/user:\*\*\*@127\.0\.0\.1:1: .*; start one with: redis-server/,
      );
    });
  });
});

/** Kills a worker while it has a job: it is stopped, and let go on where it had none. */
async function killInJob({ child, said }: Running, url: string): Promise<void> {
  await withQueue(url, async (queue) => {
    await until(async () => {
      child.kill("SIGSTOP");
      const active = (await (await queue())?.getActive()) ?? [];
      if (active.some((job) => job.processedBy === workerName(child.pid!))) return true;
      child.kill("SIGCONT");
      return false;
    }, said);
  });
  child.kill("SIGKILL");
}

/** Jobs of any state that are still in the queue. */
async function leftIn(url: string): Promise<number> {
  return withQueue(url, async (queue) => {
    const counts = await (await queue())!.getJobCounts();
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  });
}

/** The only queue of a server, once there is one. */
async function withQueue<T>(url: string, use: (queue: () => Promise<Queue | null>) => Promise<T>): Promise<T> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  let queue: Queue | null = null;
  try {
    return await use(async () => {
      const [meta] = queue ? [] : await connection.keys("bull:*:meta");
      if (meta) queue = new Queue(meta.split(":")[1]!, { connection });
      return queue;
    });
  } finally {
    await (queue as Queue | null)?.close();
    connection.disconnect();
  }
}
