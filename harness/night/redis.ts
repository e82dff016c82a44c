/** A night whose jobs are run by `lockstep worker` on any machines, over a queue in Redis. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job as QueuedJob, JobsOptions } from "bullmq";
import { referenceEngine } from "../engine/registry.ts";
import { secretVariable } from "../engine/trust.ts";
import type { Outcome } from "./history/store.ts";
import { recordOf } from "./history/record.ts";
import { EnvironmentError } from "../trace/errors.ts";
import { harnessIdentity } from "./key.ts";
import type { KeyedJob } from "./lab.ts";
import type { JobData } from "./queue.ts";
import type { Signer } from "./signature.ts";
import { createSigner } from "./signature.ts";
import { connectRedis, jobAnswer, loadQueueLibraries, queueName, withoutPassword } from "./queue.ts";
import { errorVerdict, openFrame } from "../run/verdict-builder.ts";
import { kindOf } from "../golden/kinds.ts";

/** Options of a queue. */
export interface QueueOptions {
  readonly url: string;
  readonly explain: number;
  /** Times that a job is tried again, by any worker, when a machine lacked something. */
  readonly retries: number;
  /** The secret that jobs and answers are signed with. */
  readonly secret: string;
  readonly report: (line: string) => void;
}

/** Milliseconds between looks at what is done, and between looks at what is missing. */
const [lookEvery, careEvery] = [200, 5_000];

/** Seconds after which Redis forgets results that nobody fetched. */
const forgetAfter = 7 * 24 * 3600;

/**
 * Puts jobs into the queue and yields results as workers finish them. A job is in the queue under its night and key:
 * putting it there again does nothing. So a producer that was killed goes on where it was, and what Redis lost is put
 * there again.
 * @throws EnvironmentError when no server answers
 */
export async function* runQueued(
  jobs: readonly KeyedJob[],
  night: string,
  { url, explain, retries, secret, report }: QueueOptions,
): AsyncGenerator<Outcome> {
  if (jobs.length === 0) return;
  const redis = await connectRedis(url, report);
  const { bullmq } = await loadQueueLibraries();
  const name = queueName(harnessIdentity());
  const signer = createSigner(secret, name);
  const queue = new bullmq.Queue(name, { connection: redis });
  queue.on("error", () => undefined); // the connection tells
  const options: JobsOptions = {
    attempts: retries + 1,
    backoff: { type: "exponential", delay: 2_000 },
    removeOnComplete: { age: forgetAfter },
    removeOnFail: { age: forgetAfter },
  };
  const pending = new Map(jobs.map((job) => [jobId(job, night), job]));
  const put = async (): Promise<void> => {
    const entries = [...pending].map(([id, job]) => ({
      name: job.testCase.name,
      data: signer.sign("job", id, dataOf(job, { night, explain })),
      opts: { ...options, jobId: id },
    }));
    await queue.addBulk(entries);
  };
  try {
    await put();
    report(`queue  ${jobs.length} jobs in ${name} at ${withoutPassword(url)}`);
    let cared = Date.now();
    let alone = false;
    while (pending.size > 0) {
      for (const done of (await queue.getJobs(["completed", "failed"])) as (QueuedJob | undefined)[]) {
        const job = pending.get(done?.id ?? "");
        if (!done || !job) continue;
        yield outcomeOf(job, done, { night, signer });
        pending.delete(done.id!);
        await done.remove(); // only now: until it is stored here, it is kept there
      }
      if (pending.size > 0) await sleep(lookEvery);
      if (Date.now() - cared < careEvery) continue;
      cared = Date.now();
      await put();
      const lonely = (await queue.getWorkersCount()) === 0;
      if (lonely && !alone)
        report(`queue  no worker is there; start some with: lockstep worker --redis ${withoutPassword(url)}`);
      alone = lonely;
    }
  } finally {
    await queue.close();
    redis.disconnect();
  }
}

/** Tells this run of a night from an earlier one that was ended. */
const thisRun = randomUUID().slice(0, 8);

/** The name of a job in the queue: of another run's too, unless its results don't stand for others. */
function jobId({ key, reusable }: KeyedJob, night: string): string {
  return reusable ? `${night}-${key}` : `${night}-${key}-${thisRun}`;
}

function dataOf(
  { key, testCase, engine, dtype, seed, limit, reference, versions }: KeyedJob,
  rest: { night: string; explain: number },
): JobData {
  const { version, roles } = reference;
  return {
    ...{ key, engine, dtype, seed, limit, case: testCase.name, night: rest.night, explain: rest.explain },
    ...{ reference: { version, roles: [...roles] }, versions },
  };
}

/** A worker's answer; of a job that every try failed, what it lacked. */
function outcomeOf(
  job: KeyedJob,
  { returnvalue, failedReason, attemptsMade }: QueuedJob,
  { night, signer }: { readonly night: string; readonly signer: Signer },
): Outcome {
  const { testCase, engine, dtype, seed, limit, key, versions, reference } = job;
  const opened = signer.open("answer", jobId(job, night), returnvalue);
  const parsed = jobAnswer.safeParse(opened?.content);
  if (parsed.success && parsed.data.record.key === key) return parsed.data;
  const reason =
    failedReason === undefined
      ? opened
        ? "a worker of another version of lockstep gave an answer that this one can't read"
        : `an answer lies in the queue that no worker with this ${secretVariable} has signed`
      : failedReason.includes("stalled")
        ? "every worker that took it ended before it was done (killed, out of memory, or without contact to Redis)"
        : failedReason;
  const frame = openFrame(testCase, { mode: kindOf(testCase).mode, engine, dtype, seed, limit });
  const wanted = { name: referenceEngine().name, version: reference.version, versions: {} };
  const verdict = errorVerdict({ ...frame, reference: wanted }, new EnvironmentError(reason));
  const names = { night, key, case: testCase.name, engine, dtype, seed, limit };
  const record = recordOf(
    { ...names, versions, reference: { version: reference.version, roles: [...reference.roles] } },
    verdict,
    attemptsMade,
  );
  return { record, verdict };
}
