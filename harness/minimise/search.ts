/** The search for the smallest case that still fails in the same way: greedy, and indifferent to what a case is. */
import { createHash } from "node:crypto";
import type { Attempt, Shrinker, Subject } from "./shrink/subject.ts";

/** Options of a search. */
export interface SearchOptions {
  readonly shrinkers: readonly Shrinker[];
  /** Runs a subject and says whether it fails in the same way as the first one. */
  readonly stillFails: (attempt: Attempt) => Promise<boolean>;
  /** True when the time is up. */
  readonly isOver: () => boolean;
  /** Called after every attempt that was run. */
  readonly progress?: (attempt: Attempt, accepted: boolean) => void;
}

/** The result of a search. */
export interface Minimised {
  readonly subject: Subject;
  /** Subjects that were run, and those of them that failed in the same way. */
  readonly tried: number;
  readonly accepted: number;
  /** True when nothing smaller is left to try; false when the time was up before. */
  readonly done: boolean;
}

/**
 * Goes through all shrinkers again and again, until none of them makes the subject smaller or the time is up. Nothing
 * is run twice.
 */
export async function minimise(subject: Subject, options: SearchOptions): Promise<Minimised> {
  const { shrinkers, stillFails, isOver, progress } = options;
  const seen = new Set([fingerprint(subject)]);
  let [tried, accepted] = [0, 0];
  const judge = async (attempt: Attempt): Promise<boolean> => {
    const print = fingerprint(attempt.subject);
    if (seen.has(print)) return false;
    seen.add(print);
    tried++;
    const fails = await stillFails(attempt);
    if (fails) accepted++;
    progress?.(attempt, fails);
    return fails;
  };
  for (let before = -1; before < accepted;) {
    before = accepted;
    for (const shrink of shrinkers) {
      const search = shrink(subject);
      for (let step = search.next(); !step.done;) {
        if (isOver()) return { subject, tried, accepted, done: false };
        const fails = await judge(step.value);
        if (fails) ({ subject } = step.value);
        step = search.next(fails);
      }
    }
  }
  return { subject, tried, accepted, done: true };
}

function fingerprint({ config, inputs, phases }: Subject): string {
  const hash = createHash("sha256").update(JSON.stringify([config, phases]));
  for (const [name, { dtype, shape, bytes }] of inputs) hash.update(`\0${name}\0${dtype}\0${shape}\0`).update(bytes);
  return hash.digest("base64");
}
