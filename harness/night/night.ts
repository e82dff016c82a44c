/**
 * A night: everything that was asked for, once, into the history; or a share of it into a file that `lockstep merge`
 * takes.
 */
import { journalPath, openHistory } from "./history/index-file.ts";
import type { History } from "./history/index-file.ts";
import { appendNight, mendJournal } from "./history/journal.ts";
import type { Asked, NightLine, ResultLine } from "./history/record.ts";
import type { Outcome, Store } from "./history/store.ts";
import { isUsable, openStore } from "./history/store.ts";
import { UsageError } from "../trace/errors.ts";
import { findCases } from "../case/discover.ts";
import { beginNight } from "./begin.ts";
import type { NightEnd } from "./end.ts";
import { closingLine, endOf, readCommit } from "./end.ts";
import type { OpenNight } from "./folder.ts";
import { closeOpen, lockFolder, openNights, readOpen, writeOpen } from "./folder.ts";
import type { KeyedJob, Lab } from "./lab.ts";
import { createLab } from "./lab.ts";
import { writeShard } from "./merge.ts";
import type { Job, ReferenceChoice } from "./plan.ts";
import { jobTitle, mergeRoles, planJobs, scopeOf } from "./plan.ts";
import type { Shard } from "./shards.ts";
import { dealOut } from "./shards.ts";

/** Options of a night. */
export interface NightOptions {
  readonly folder: string;
  readonly asked: Asked;
  /** Measure everything again, whatever is known from earlier nights. */
  readonly fresh: boolean;
  readonly shard?: Shard;
  readonly retries: number;
  readonly explain: number;
  /** Runs jobs elsewhere; results in any order. Here, one after the other, where absent. */
  readonly runElsewhere?: (jobs: readonly KeyedJob[], night: string) => AsyncIterable<Outcome>;
}

/** The plan of a night, when all keys are known and nothing has run. */
export interface NightPlan {
  readonly night: string;
  readonly asked: Asked;
  readonly references: readonly ReferenceChoice[];
  /** Jobs of this share. */
  readonly jobs: readonly KeyedJob[];
  readonly cases: number;
  /** Results that are there from an earlier run of this night, and from earlier nights. */
  readonly done: { readonly before: number; readonly reused: number };
  /** True where an earlier run of this night was ended. */
  readonly goesOn: boolean;
  readonly shard: Shard | null;
  readonly commit: NightLine["commit"];
}

/** A listener that is told what a night does. */
export interface NightListener {
  /** Set-up steps. */
  report(line: string): void;
  planned(plan: NightPlan): void;
  /** A job begins: `place` of those that are to be run. */
  begins?(job: KeyedJob): void;
  /** A result that was not there before. */
  measured(outcome: Outcome): void;
}

/** Milliseconds before what the machine lacked is tried again. */
const pause = 2_000;

/**
 * Runs a night, or goes on with the one that was ended before it was done.
 * @throws UsageError where the folder is another night's, or a case, engine or reference is not known;
 * PythonUnavailable where there is no Python at all
 */
export async function runNight(options: NightOptions, listener: NightListener): Promise<NightEnd> {
  const { folder, asked, shard, explain, retries } = options;
  using _lock = lockFolder(folder);
  const journal = journalPath(folder);
  const torn = mendJournal(journal);
  if (torn > 0)
    listener.report(
      `mended  ${journal}: ${torn} bytes of a night that a crash cut off; it is written again when it is done`,
    );
  const scope = scopeOf(asked) + (shard ? `-${shard.index}-of-${shard.count}` : "");
  const cases = await findCases(asked.cases);
  const resumed = readOpen(folder, scope);
  using history = openHistory(folder);
  const taken = history.nights().map(({ night }) => night);
  if (resumed && taken.includes(resumed.night)) {
    closeOpen(folder, scope);
    listener.report(
      `night ${resumed.night} was complete when its run was ended; for another one run the same command again`,
    );
    return endOf(history, { folder, night: history.nights().find(({ night }) => night === resumed.night)! });
  }
  const report = (line: string): void => listener.report(line);
  const open = await beginNight(options, resumed, { taken: new Set([...taken, ...openNights(folder)]), report });
  writeOpen(folder, scope, open);
  const references = mergeRoles(open.references);
  const all = planJobs(cases, asked, references);
  if (all.length === 0) throw new UsageError("a night of no jobs: expected a case that one of the engines can run");
  const mine = shard ? (dealOut(all, shard.count, (job) => secondsOf(history, job))[shard.index - 1] ?? []) : all;
  if (mine.length === 0)
    throw new UsageError(
      `--shard ${shard!.index}/${shard!.count}: this share has no jobs, there are only ${all.length}; expected at most so many shards`,
    );
  const lab = createLab({ report, explain, retries, pause });
  const store = openStore(folder);
  try {
    const jobs = await keyAll(lab, mine);
    const usable = jobs.map((job) => usableRecord(store, job, open));
    const commit = readCommit();
    listener.planned({
      ...{ night: open.night, asked, references, jobs, commit, cases: cases.length },
      shard: shard ?? null,
      done: {
        before: usable.filter((record) => record?.measured === open.night).length,
        reused: usable.filter((record) => record !== null && record.measured !== open.night).length,
      },
      goesOn: resumed !== null,
    });
    const left = jobs.filter((_, place) => usable[place] === null);
    const { runElsewhere } = options;
    // What can't be had here is not asked of others: nobody knows what it would be.
    const [known, unknown] = [true, false].map((want) => left.filter((job) => isKnown(job) === want));
    const outcomes = runElsewhere
      ? both(runHere(lab, unknown!, open.night, listener), runElsewhere(known!, open.night))
      : runHere(lab, left, open.night, listener);
    const measured = new Map<string, ResultLine>();
    for await (const outcome of outcomes) {
      store.put(outcome);
      measured.set(outcome.record.key, outcome.record);
      listener.measured(outcome);
    }
    const results = jobs.map((job, place) => lineOf(measured.get(job.key) ?? usable[place]!, job, open.night));
    const night = closingLine({ open, asked, results, commit });
    if (shard) {
      const file = writeShard(folder, {
        shard,
        plan: all.map(jobTitle),
        night,
        results,
        verdictPath: store.verdictPath,
      });
      closeOpen(folder, scope);
      return { ...{ night, results, file, since: null, regressions: [] }, verdictPath: store.verdictPath };
    }
    appendNight(journal, { night, results });
    closeOpen(folder, scope);
  } finally {
    await lab.close();
  }
  using updated = openHistory(folder);
  return endOf(updated, { folder, night: updated.nights().at(-1)! });
}

/** Keys of jobs, in the jobs' order. The reference that comes first is asked last, so that it is still warm. */
async function keyAll(lab: Lab, jobs: readonly Job[]): Promise<KeyedJob[]> {
  const keyed: KeyedJob[] = [];
  for (const job of jobs.toReversed()) keyed.push(await lab.key(job));
  return keyed.toReversed();
}

async function* runHere(
  lab: Lab,
  jobs: readonly KeyedJob[],
  night: string,
  listener: NightListener,
): AsyncGenerator<Outcome> {
  for (const job of jobs) {
    listener.begins?.(job);
    yield await lab.run(job, night);
  }
}

function isKnown({ versions }: KeyedJob): boolean {
  return Object.values(versions).every((identity) => !Object.hasOwn(identity, "unavailable"));
}

async function* both<T>(first: AsyncIterable<T>, second: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first;
  yield* second;
}

function usableRecord(store: Store, { key, reusable }: KeyedJob, open: OpenNight): ResultLine | null {
  const record = reusable ? store.get(key) : null;
  return record && isUsable(record, open) ? record : null;
}

/**
 * A stored result as a line of this night: who ran it first does not matter, in which role its reference stands is this
 * night's.
 */
function lineOf(record: ResultLine, { engine, reference }: Job, night: string): ResultLine {
  return { ...record, night, engine, reference: { version: reference.version, roles: [...reference.roles] } };
}

function secondsOf(history: History, { testCase, engine, dtype, seed, reference }: Job): number | null {
  return history.seconds({ case: testCase.name, engine, dtype, seed, role: reference.roles[0]! });
}
