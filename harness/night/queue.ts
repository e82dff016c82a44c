/**
 * The parts that the producer and the workers of a night share: the connection, the queue's name, and the records that
 * travel through it.
 */
import type { Queue, UnrecoverableError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { z } from "zod";
import { outcome } from "./history/store.ts";
import { isVersion } from "../setup/reference-versions.ts";
import { EnvironmentError, UsageError } from "../trace/errors.ts";
import { pathName } from "../trace/names.ts";
import { computeDtypeNames } from "../trace/dtypes.ts";

/** A job as it travels: without its case and engine, of which every machine has its own by these names. */
export const jobData = z.strictObject({
  key: z.string().regex(pathName),
  night: z.string().regex(pathName),
  case: z.string(),
  engine: z.string(),
  dtype: z.enum([...computeDtypeNames, "shapes"]),
  seed: z.int(),
  limit: z.number(),
  explain: z.number(),
  reference: z.strictObject({ version: z.string().refine(isVersion), roles: z.array(z.string()) }),
  /** The identities of both sides where the night was planned. */
  versions: z.strictObject({
    engine: z.record(z.string(), z.string()),
    reference: z.record(z.string(), z.string()),
  }),
});

export type JobData = z.infer<typeof jobData>;

/** The answer of a worker to one job. */
export const jobAnswer = outcome;

/** The queue of one state of the sources: a worker of another one never sees its jobs. */
export function queueName(harness: string): string {
  return `lockstep-${harness.replaceAll(/[^\w.-]/g, "-")}`;
}

/** The two libraries of the queue. */
interface QueueLibraries {
  readonly bullmq: {
    readonly Queue: typeof Queue;
    readonly Worker: typeof Worker;
    readonly UnrecoverableError: typeof UnrecoverableError;
  };
  readonly ioredis: { readonly Redis: typeof Redis };
}

/** BullMQ and ioredis, which only those install that use them. @throws EnvironmentError where they are missing */
export async function loadQueueLibraries(): Promise<QueueLibraries> {
  try {
    return { bullmq: await import("bullmq"), ioredis: await import("ioredis") };
  } catch (error) {
    throw new EnvironmentError(
      `--redis needs the packages bullmq and ioredis; install them with: npm install bullmq ioredis (${(error as Error).message.split("\n")[0]})`,
    );
  }
}

/**
 * Connects to a Redis server. Once connected, a connection that breaks is made again for as long as it takes; `report`
 * is told.
 * @throws UsageError for what is no URL of Redis, EnvironmentError when no server answers
 */
export async function connectRedis(url: string, report: (line: string) => void): Promise<Redis> {
  const shown = withoutPassword(url);
  const { ioredis } = await loadQueueLibraries();
  let wasReady = false;
  const redis = new ioredis.Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: null, // BullMQ waits for jobs in one long request
    connectTimeout: 5_000,
    retryStrategy: (times) => (wasReady ? Math.min(times * 200, 5_000) : null),
  });
  let last = "";
  redis.on("error", (error: Error) => {
    if (wasReady && error.message !== last)
      report(`redis  ${shown}: ${error.message || "connection lost"}; trying again`);
    last = error.message;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    throw new EnvironmentError(
      `no Redis server answers at ${shown}: ${last || (error as Error).message}; start one with: redis-server, or name another with --redis redis://host:port`,
    );
  }
  wasReady = true;
  redis.on("ready", () => {
    last = "";
    report(`redis  ${shown}: connected again`);
  });
  return redis;
}

/** A URL as it may be printed. @throws UsageError for what is no URL of Redis */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url) || !["redis:", "rediss:"].includes(new URL(url).protocol))
    throw new UsageError(`--redis: expected a URL such as redis://localhost:6379, found ${JSON.stringify(url)}`);
  const shown = new URL(url);
  if (shown.password) shown.password = "***";
  return shown.href;
}
