import type { Case, Inputs } from "../../case/case.ts";

/** The parts of a case that are made smaller. */
export interface Subject {
  readonly config: Case["config"];
  readonly inputs: Inputs;
  readonly phases: Case["phases"];
}

/**
 * A smaller subject and what was taken away, in a few words. It need not be valid: what can't be run does not fail in
 * the same way.
 */
export interface Attempt {
  readonly what: string;
  readonly subject: Subject;
}

/** Yields attempts, is sent whether each still fails in the same way, and returns the smallest subject that does. */
export type Shrinker = (subject: Subject) => Generator<Attempt, Subject, boolean>;
