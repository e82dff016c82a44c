/**
 * Runs the jobs of a night on one machine: the environments of the reference's versions, one warm pool of engines,
 * keys, and new tries.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Verdict } from "../verdict/schema.ts";
import { chooseEngine, referenceEngine } from "../engine/registry.ts";
import { plainLine } from "../trace/harmless.ts";
import type { Outcome } from "./history/store.ts";
import { recordOf } from "./history/record.ts";
import { ensureReference } from "../setup/reference-versions.ts";
import { EnvironmentError } from "../trace/errors.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool, requirementFiles } from "../engine/pool.ts";
import type { Identity } from "./key.ts";
import { engineSources, harnessIdentity, identityOf, isKnown, referenceSources, resultKey } from "./key.ts";
import type { Job, ReferenceChoice } from "./plan.ts";
import { unknownVersion } from "./plan.ts";
import { describeError, errorVerdict, openFrame } from "../run/verdict-builder.ts";
import { runAny, kindOf } from "../golden/kinds.ts";
import type { RunOptions } from "../run/live.ts";

/** A job with its content address, and who takes part in it. */
export interface KeyedJob extends Job {
  readonly key: string;
  readonly versions: { readonly engine: Identity; readonly reference: Identity };
  /** False where it is not known what the engine depends on: no earlier result stands for a run of it. */
  readonly reusable: boolean;
}

/** Options of a lab. */
export interface LabOptions {
  /** Called with a line for each set-up step. */
  readonly report: (line: string) => void;
  /** Seconds to search for the cause at one culprit. */
  readonly explain: number;
  /** Times that a job is tried again when the machine lacked something. */
  readonly retries: number;
  /** Milliseconds before the first new try; twice as many before each further one. */
  readonly pause: number;
}

/** One machine's means to run jobs. */
export interface Lab {
  /**
   * The content address of a job: starts both sides once to hear what they are. What can't be started fails when it is
   * run.
   */
  key(job: Job): Promise<KeyedJob>;
  /** Runs a job; never throws for what an engine or the machine does. */
  run(job: KeyedJob, night: string): Promise<Outcome>;
  close(): Promise<void>;
}

/** Opens a lab with nothing started. */
export function createLab({ report, explain, retries, pause }: LabOptions): Lab {
  const harness = harnessIdentity();
  const requirements = requirementFiles(referenceEngine());
  const identities = new Map<string, Promise<Identity | Error>>();
  let current: { readonly version: string; readonly pool: EnginePool } | null = null;

  /** One pool at a time: references are large. */
  const poolFor = async ({ version }: ReferenceChoice): Promise<EnginePool> => {
    if (current?.version === version) return current.pool;
    await current?.pool.close();
    current = null;
    const referencePython = await ensureReference(version, requirements, report);
    const pool = createPool({ report, referencePython });
    current = { version, pool };
    return pool;
  };
  const again = async <T>(action: () => Promise<T>, isLack: (result: T) => boolean) => {
    for (let attempts = 1; ; attempts++) {
      const result = await action();
      if (attempts > retries || !isLack(result)) return { result, attempts };
      await sleep(pause * 2 ** (attempts - 1));
    }
  };
  const remember = (name: string, ask: () => Promise<Identity>): Promise<Identity | Error> => {
    const known = identities.get(name);
    if (known) return known;
    const asked = again(
      () => ask().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error)))),
      (found) => found instanceof Error && describeError(found).kind === "environment",
    ).then(({ result }) => result);
    identities.set(name, asked);
    return asked;
  };
  const referenceIdentity = (reference: ReferenceChoice) =>
    remember(`reference ${reference.version} ${reference.roles.join()}`, async () => {
      if (reference.version === unknownVersion)
        throw new EnvironmentError(
          `the ${reference.roles.join(" and ")} version of transformers could not be found out`,
        );
      const { hello } = await (await poolFor(reference)).reference();
      return identityOf(hello, referenceSources());
    });
  const unknown = new Set<string>();
  const engineIdentity = ({ engine }: Job) =>
    remember(`engine ${engine}`, async () => {
      const warm = current?.pool;
      const pool = warm ?? createPool({ report }); // an engine can be asked where there is no reference
      try {
        const { hello } = await pool.get(engine);
        const choice = chooseEngine(engine);
        if (!isKnown(choice, hello.depends)) {
          unknown.add(engine);
          report(
            `again  ${plainLine(engine)} does not say what it depends on (docs/protocol.md, depends): every night measures it again`,
          );
        }
        return identityOf(hello, engineSources(choice, hello.depends));
      } finally {
        if (!warm) await pool.close();
      }
    });

  const judge = async (job: KeyedJob): Promise<Verdict> => {
    const { testCase, engine, dtype, seed, limit, reference } = job;
    const { mode } = kindOf(testCase);
    const wanted = { name: referenceEngine().name, version: reference.version, versions: {} };
    const frame = { ...openFrame(testCase, { mode, engine, dtype, seed, limit }), reference: wanted };
    const identity = await referenceIdentity(reference);
    if (identity instanceof Error) return errorVerdict(frame, identity);
    try {
      const pool = await poolFor(reference);
      return await runAny(pool, testCase, {
        engine,
        dtype: dtype as NonNullable<RunOptions["dtype"]>,
        seed,
        limit,
        explain,
      });
    } catch (error) {
      return errorVerdict(frame, error);
    }
  };

  return {
    async key(job) {
      const sides = { reference: await referenceIdentity(job.reference), engine: await engineIdentity(job) };
      const known = (identity: Identity | Error): Identity =>
        identity instanceof Error ? { unavailable: job.reference.version } : identity;
      const versions = { engine: known(sides.engine), reference: known(sides.reference) };
      const reusable = !unknown.has(job.engine);
      return { ...job, versions, reusable, key: resultKey({ ...job, ...versions, explain, harness }) };
    },
    async run(job, night) {
      const { key, engine, dtype, seed, limit, reference, versions } = job;
      // What is missing for all jobs of a reference was tried again when the lab looked for it.
      const isMissing = (await referenceIdentity(reference)) instanceof Error;
      const { result: verdict, attempts } = await again(
        () => judge(job),
        ({ error }) => error?.kind === "environment" && !isMissing,
      );
      const frame = { night, key, case: job.testCase.name, engine, dtype, seed, limit };
      const record = recordOf(
        { ...frame, reference: { version: reference.version, roles: [...reference.roles] }, versions },
        verdict,
        attempts,
      );
      return { record, verdict: verdict.met ? null : verdict };
    },
    async close() {
      await current?.pool.close();
      current = null;
    },
  };
}
