/**
 * The schema of an explanation, which says why an engine differs at a culprit and was found by experiment; and of the
 * worth of a green verdict.
 */
import { z } from "zod";
import { changed, changedWithFacts, need } from "./change.ts";
import { ratio } from "./site.ts";

/** A change of the reference with which the engine agrees to within noise. */
export const counterfactual = z.strictObject({
  ...changedWithFacts,
  /** Other changes that give the same numbers on these inputs. */
  synonyms: z.array(z.strictObject(changed)).default([]),
  /**
   * The factor on the inputs that would tell it from the first candidate; null for the first, and when none is known.
   */
  apart: z.number().positive().nullable().default(null),
  /** Further evidence for it: config fields that it names and the engine never reads. */
  unread: z.array(z.string()).default([]),
  /** The engine's distance from the changed reference, in noise units, over all phases that it explains. */
  ratio,
  /** Phases that it explains. */
  phases: z.array(z.string()),
  /** Phases where the engine agrees with the reference as it is, and not with this change. */
  not_in: z.array(z.string()).default([]),
});

/**
 * A reading of an error by its size and kind, for somebody who knows where such errors come from. `relative` is the rms
 * of the error over that of the values.
 */
export const errorReading = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("not finite") }),
  z.strictObject({ kind: z.literal("about one rounding"), to: z.enum(["bfloat16", "float16"]), relative: z.number() }),
  z.strictObject({ kind: z.literal("as large as the values"), relative: z.number() }),
  z.strictObject({ kind: z.literal("relative"), relative: z.number() }),
  /** The unchanged reference, run as changes are, gives what the engine has: the failure itself is suspect. */
  z.strictObject({ kind: z.literal("unchanged fits") }),
  /** The search for the cause broke. `message` is the reference's own. */
  z.strictObject({ kind: z.literal("search broke"), message: z.string() }),
]);

/** An explanation of why the engine differs at a culprit, found by experiment. */
export const explanation = z.strictObject({
  /**
   * explained: one change reproduces the engine; ambiguous: several that differ elsewhere do; pattern: none, but the
   * error has a simple form; unexplained: none.
   */
  status: z.enum(["explained", "ambiguous", "pattern", "unexplained"]),
  /** Counterfactuals that were tried. */
  tried: z.int(),
  /** The engine's distance from the reference as it is. */
  ratio,
  candidates: z.array(counterfactual),
  /** The reading of the error's size and kind, where no change explains it. */
  reading: errorReading.optional(),
  seconds: z.number(),
});

/** The reason why a case can't see a change, from which follows what would make it. */
export const holeReason = z.discriminatedUnion("kind", [
  /** The inputs lack what the change needs to be seen. For a window, `longest` is the length of the longest input. */
  z.strictObject({ kind: z.literal("inputs lack"), what: need, longest: z.int() }),
  /** The change moves the site by `ratio` noise units only: rounding or the mathematics hides it. */
  z.strictObject({ kind: z.literal("below rounding"), ratio }),
  z.strictObject({ kind: z.literal("no difference") }),
]);

/** A likely fault that a case could not see. */
export const hole = z.strictObject({
  site: z.string(),
  /** The change that the engine could have without being found out. */
  ...changed,
  reason: holeReason,
});

/**
 * The power of a green verdict: how many likely faults it would have found, of how many, and those that it would not.
 */
export const power = z.strictObject({ seen: z.int(), total: z.int(), holes: z.array(hole) });

export type Counterfactual = z.infer<typeof counterfactual>;
export type ErrorReading = z.infer<typeof errorReading>;
export type Explanation = z.infer<typeof explanation>;
export type Power = z.infer<typeof power>;
export type Hole = z.infer<typeof hole>;
export type HoleReason = z.infer<typeof holeReason>;
