import type { Attempt, Subject } from "./subject.ts";

/** The items of a subject, such as its tokens, and how a run of them is taken away. */
export interface Runs {
  /** Number of items that a subject has. */
  readonly count: (subject: Subject) => number;
  /** The subject without items [start, end), in the ways that are worth trying; none where that can't be. */
  readonly without: (subject: Subject, start: number, end: number) => readonly Subject[];
  /** The name of the items in the plural: "tokens". */
  readonly what: string;
}

/**
 * Takes away runs of items, half of them first, then ever shorter ones down to single items, each time from the end to
 * the beginning.
 */
export function* withoutRuns(subject: Subject, runs: Runs): Generator<Attempt, Subject, boolean> {
  const { count, without, what } = runs;
  for (let size = Math.ceil(count(subject) / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let end = count(subject); end > 0; end -= size) {
      const start = Math.max(0, end - size);
      for (const smaller of without(subject, start, end)) {
        if (!(yield { what: `${end - start} of ${count(subject)} ${what} less`, subject: smaller })) continue;
        subject = smaller;
        break;
      }
    }
  }
  return subject;
}
