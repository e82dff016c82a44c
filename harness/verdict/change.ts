/**
 * The schema of a change of the reference, as facts: one tagged record for each kind of change. The families of
 * counterfactuals of the reference make them (see docs/method.md, "Why"); the protocol and the verdict carry them;
 * `words/change.ts` makes sentences of them, last.
 */
import { z } from "zod";
import { layoutChanges } from "./changes/layout.ts";
import { operationChanges } from "./changes/operations.ts";
import { positionChanges } from "./changes/positions.ts";
import { part } from "./changes/shared.ts";
import { valueChanges } from "./changes/values.ts";
import { weightChanges } from "./changes/weights.ts";

export type { AxisFact, NumberFact, Part, Subject, TensorFact } from "./changes/shared.ts";

/** One change of the reference. */
export const change = z
  .discriminatedUnion("kind", [
    ...operationChanges,
    ...valueChanges,
    ...layoutChanges,
    ...weightChanges,
    ...positionChanges,
  ])
  .meta({ id: "change" });

/** A line of the reference's source: the one that does right what the change does otherwise. */
export const sourceLine = z.strictObject({ file: z.string(), line: z.int(), text: z.string() });

/** A property that the inputs of a case must have for a change to show. */
export const need = z.enum(["padding", "second sequence", "window", "cache", "media"]);

/** A change of the reference, or two that are made together, apart from how well it fits. */
export const changed = {
  /** A name that tells it from other changes; nothing is read out of it. */
  id: z.string(),
  /** Kind of porting fault; of two different ones both. */
  category: z.string(),
  /** The change; two where one alone does not give what the engine has. */
  changes: z.array(change).min(1).max(2),
  /** The only part of the tensor that is changed; null for all of it. */
  part: part.nullable(),
};

/** A change of the reference with everything else that is known of it. */
export const changedWithFacts = {
  ...changed,
  /** Count of its numbers that were fitted to the engine and have no name. */
  fitted: z.int().nonnegative(),
  /** True where it only describes the form of an error, and says nothing of where it comes from. */
  form: z.boolean(),
  /** Config fields, attributes, modules and weights that it, or the reference's line, names. */
  about: z.array(z.string()),
  /** The reference's lines that do it right, one for each change where there is one. */
  sources: z.array(sourceLine),
};

export type Change = z.infer<typeof change>;
/** The facts of one kind of change. */
export type ChangeOf<Kind extends Change["kind"]> = Extract<Change, { kind: Kind }>;
export type SourceLine = z.infer<typeof sourceLine>;
export type Need = z.infer<typeof need>;
