import { generatorVersion } from "../trace/draw.ts";
import type { Golden } from "./format/schema.ts";

/** The properties that a golden must have been recorded with to say anything about a case. */
export interface Wanted {
  /** SHA-256 of the case's config, inputs and phases. */
  readonly config: string;
  readonly inputs: string;
  readonly phases: string;
  /** The version of the reference that this package compares with; null when it is not known, and any will do. */
  readonly reference: string | null;
}

/** A difference between what a golden was recorded of and its case. */
export interface Stale {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Finds the first property that makes a golden stale; null when it is fresh. Of the reference's version the first
 * number counts: smaller steps are for `golden diff` to tell.
 */
export function findStale(golden: Golden, wanted: Wanted): Stale | null {
  const { config, inputs, phases } = golden.checksums;
  const pairs: readonly (readonly [string, string, string])[] = [
    ["config", config, wanted.config],
    ["inputs", inputs, wanted.inputs],
    ["phases", phases, wanted.phases],
    ["generator", `${golden.generator}`, `${generatorVersion}`],
  ];
  for (const [what, expected, found] of pairs) if (expected !== found) return { what, expected, found };
  return findOldReference(golden.reference.version, wanted.reference);
}

/** Finds a difference as `findStale` does, in the reference's version alone. */
export function findOldReference(recorded: string, wanted: string | null): Stale | null {
  if (wanted === null || major(recorded) === major(wanted)) return null;
  return { what: "reference", expected: recorded, found: wanted };
}

/** Says why a golden is stale, as a sentence without a full stop. */
export function describeStale({ what, expected, found }: Stale): string {
  return `its ${what} is ${expected.slice(0, 12)}, the case has ${found.slice(0, 12)}`;
}

function major(version: string): string {
  return version.split(".")[0]!;
}
