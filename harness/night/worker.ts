/**
 * Works on a queue of jobs: takes them, runs them here, gives the results back. There may be any number of workers, on
 * any machines with the same sources.
 */
import { isRegistered, secretVariable } from "../engine/trust.ts";
import { EnvironmentError } from "../trace/errors.ts";
import type { Outcome } from "./history/store.ts";
import type { Case } from "../case/case.ts";
import { casesFolder, loadCaseFile, loadCases } from "../case/discover.ts";
import { harnessIdentity } from "./key.ts";
import type { KeyedJob, Lab } from "./lab.ts";
import { createLab } from "./lab.ts";
import type { JobData } from "./queue.ts";
import type { SignedMessage, Signer } from "./signature.ts";
import { createSigner } from "./signature.ts";
import { connectRedis, jobData, loadQueueLibraries, queueName } from "./queue.ts";

/** Options of a worker. */
export interface WorkerOptions {
  readonly url: string;
  /** Seconds without a sign of life after which another worker gets the job of this one. */
  readonly lease: number;
  /** Seconds without a job after which it ends; it never does where absent. */
  readonly idle?: number;
  readonly signal: AbortSignal;
  /** The secret that jobs and answers are signed with. */
  readonly secret: string;
  /** Engines that this worker may start beside those of its installation and of its cases, as `--engine` takes them. */
  readonly engines: readonly string[];
  /** Case files beside those that are found by themselves. */
  readonly cases: readonly string[];
}

/** A listener that is told what a worker does. */
export interface WorkerListener {
  report(line: string): void;
  ready(queue: string): void;
  begins(job: JobData): void;
  /** A job that another worker, or this one, is to try again. */
  lacks(job: JobData, error: Error): void;
  /** What is no job of this queue's night: nothing of it was read further, and nothing started. */
  refused(id: string, reason: string): void;
  done(outcome: Outcome): void;
}

/** The name of a worker in the queue. */
export function workerName(pid: number): string {
  return `worker-${pid}`;
}

/** Workers that a job may lose before it counts as one that ends them. */
const patience = 5;

/**
 * Works until the signal comes (a job that runs is finished first) or there has been nothing to do for `idle` seconds;
 * returns the number of jobs done.
 * @throws EnvironmentError when no server answers
 */
export async function work(options: WorkerOptions, listener: WorkerListener): Promise<number> {
  const { url, lease, idle, signal } = options;
  const redis = await connectRedis(url, (line) => listener.report(line));
  const { bullmq } = await loadQueueLibraries();
  const bench = createBench(options, (line) => listener.report(line));
  const name = queueName(harnessIdentity());
  const signer = createSigner(options.secret, name);
  const refuse = (id: string, reason: string): never => {
    listener.refused(id, reason);
    throw new bullmq.UnrecoverableError(`refused: ${reason}`); // no worker tries it again
  };
  let done = 0;
  let active = 0;
  let last = Date.now();
  const worker = new bullmq.Worker<unknown, SignedMessage>(
    name,
    async ({ id = "", data, attemptsMade }) => {
      const job = readJob(signer, id, data);
      if (typeof job === "string") return refuse(id, job);
      active++;
      try {
        listener.begins(job);
        const { record, verdict } = await bench.run(job);
        const outcome = { record: { ...record, attempts: attemptsMade + 1 }, verdict };
        if (record.error?.kind === "environment") throw new EnvironmentError(record.error.message); // BullMQ tries again
        done++;
        listener.done(outcome);
        return signer.sign("answer", id, outcome);
      } catch (error) {
        listener.lacks(job, error as Error);
        throw error;
      } finally {
        active--;
        last = Date.now();
      }
    },
    {
      connection: redis,
      name: workerName(process.pid), // Redis shows who has a job
      concurrency: 1,
      lockDuration: lease * 1000,
      stalledInterval: (lease * 1000) / 2,
      maxStalledCount: patience,
    },
  );
  worker.on("error", () => undefined); // the connection tells
  listener.ready(name);
  await new Promise<void>((resolve) => {
    const clock = setInterval(() => {
      if (!signal.aborted && (idle === undefined || active > 0 || Date.now() - last < idle * 1000)) return;
      clearInterval(clock);
      resolve();
    }, 100);
  });
  await worker.close();
  await bench.close();
  redis.disconnect();
  return done;
}

/** The job of a message; why it is refused, where it is none. Pure. */
export function readJob(signer: Signer, id: string, data: unknown): JobData | string {
  const opened = signer.open("job", id, data);
  if (!opened) return `it is not signed with this worker's ${secretVariable}`;
  const parsed = jobData.safeParse(opened.content);
  if (!parsed.success)
    return `it is no job: ${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}`;
  return parsed.data;
}

/**
 * The worker's own case of that name, whose engine it may start.
 * @throws EnvironmentError where the worker has no such case, or was not told that it may start the engine
 */
export function ownCase(
  { case: wanted, engine }: Pick<JobData, "case" | "engine">,
  cases: readonly Case[],
  engines: readonly string[],
): Case {
  const testCase = cases.find(({ name }) => name === wanted);
  if (!testCase)
    throw new EnvironmentError(
      `this worker has no case ${wanted}: expected the same sources as the night's, or the case's file: lockstep worker <file>`,
    );
  if (engine !== testCase.engine && !engines.includes(engine) && !isRegistered(engine))
    throw new EnvironmentError(
      `this worker does not start ${JSON.stringify(engine)} on a job's word: expected --engine with that name`,
    );
  return testCase;
}

/** Runs jobs as they come; a lab for each time that it may search for a cause. */
function createBench({ engines, cases: files }: WorkerOptions, report: (line: string) => void) {
  const labs = new Map<number, Lab>();
  let cases: Promise<readonly Case[]> | undefined;
  const load = async (): Promise<readonly Case[]> => [
    ...(await Promise.all(files.map(loadCaseFile))).flat(),
    ...(await loadCases(casesFolder())),
  ];
  const find = async (job: JobData): Promise<Case> => ownCase(job, await (cases ??= load()), engines);
  return {
    async run(job: JobData): Promise<Outcome> {
      const testCase = await find(job);
      let lab = labs.get(job.explain);
      if (!lab) labs.set(job.explain, (lab = createLab({ report, explain: job.explain, retries: 0, pause: 0 })));
      const { engine, dtype, seed, limit, reference } = job;
      const keyed = await lab.key({ testCase, engine, dtype, seed, limit, reference });
      if (keyed.key !== job.key && !Object.hasOwn(keyed.versions.reference, "unavailable"))
        throw new EnvironmentError(
          `this worker would run another job than the night asks for: ${sayDifferences(job.versions, keyed.versions)}; use the same commit and environment`,
        );
      return lab.run(keyed, job.night);
    },
    async close(): Promise<void> {
      for (const lab of labs.values()) await lab.close();
    },
  };
}

/** Lists the differences between the identities that a night was planned with and those of this worker. Pure. */
export function sayDifferences(expected: JobData["versions"], found: KeyedJob["versions"]): string {
  const sides = (["engine", "reference"] as const).flatMap((side) =>
    [...new Set([...Object.keys(expected[side]), ...Object.keys(found[side])])]
      .filter((name) => expected[side][name] !== found[side][name])
      .map(
        (name) => `${side}: ${name} ${expected[side][name] ?? "none"} expected, ${found[side][name] ?? "none"} found`,
      ),
  );
  return sides.length > 0 ? sides.join(", ") : "another config, inputs, phases or fault of this case";
}
