import type { Factor, SizeCause, SizeReading } from "../verdict/culprit.ts";
import type { Substitution } from "./substitution.ts";

/** A size that differs, and what is known around it. */
export interface SizeMismatch {
  readonly site: string;
  readonly expected: SizeReading;
  readonly found: SizeReading;
  /** Layers whose reference has the expected size at this site, out of all layers with the site. */
  readonly affectedLayers: readonly number[];
  readonly layerCount: number;
  /** Kind of the affected layers (`full_attention`) when it is theirs alone. */
  readonly layerKind: string | null;
  /** Sites of the reference, in the same layer, whose last axis has the found size. */
  readonly sitesOfFoundSize: readonly string[];
  /** Config fields that have the found size. */
  readonly fieldsOfFoundSize: readonly string[];
  /** Config fields that the reference reads there and the engine's code does not. */
  readonly neverRead: readonly string[];
  /** The one field that, replaced by another, gives the found size; null when there is none of a like name. */
  readonly substitution: Substitution | null;
  readonly referenceScope: string;
  readonly engineScope: string;
  /** A functional site just before that shows the difference already. */
  readonly firstSeen: Extract<SizeCause, { kind: "replaced field" }>["first_seen"];
}

/**
 * Explains a size by the config field that was replaced by another, and weighs the reading "streams were not
 * concatenated" against it.
 */
export function explainSizes(mismatch: SizeMismatch): SizeCause[] {
  return [replacedField(mismatch), concatenation(mismatch)].filter((cause) => cause !== null);
}

function replacedField(mismatch: SizeMismatch): SizeCause | null {
  const change = changedFactor(mismatch.expected, mismatch.found) ?? mismatch.substitution;
  if (!change) return null;
  return {
    kind: "replaced field",
    holds: true,
    ...change,
    layers: [...mismatch.affectedLayers],
    layer_count: mismatch.layerCount,
    layer_kind: mismatch.layerKind,
    never_read: [...mismatch.neverRead],
    reference_scope: mismatch.referenceScope,
    engine_scope: mismatch.engineScope,
    first_seen: mismatch.firstSeen,
  };
}

/** The one factor in which two products of fields differ. */
function changedFactor(expected: SizeReading, found: SizeReading): Substitution | null {
  const isIn = (factor: Factor, others: readonly Factor[]): boolean =>
    others.some(({ value, field, over }) => value === factor.value && field === factor.field && over === factor.over);
  const onlyTheirs = expected.factors.filter((factor) => !isIn(factor, found.factors));
  const onlyOurs = found.factors.filter((factor) => !isIn(factor, expected.factors));
  return onlyTheirs.length === 1 && onlyOurs.length === 1 ? { expected: onlyTheirs[0]!, found: onlyOurs[0]! } : null;
}

/**
 * "Two streams of the found size should have been concatenated" is the usual wrong reading when one size is a multiple
 * of the other.
 */
function concatenation({ expected, found, sitesOfFoundSize, fieldsOfFoundSize }: SizeMismatch): SizeCause | null {
  const copies = expected.size / found.size;
  if (!Number.isInteger(copies) || copies < 2) return null;
  return {
    kind: "concatenation",
    holds: sitesOfFoundSize.length >= copies,
    copies,
    size: found.size,
    sites: [...sitesOfFoundSize],
    fields: [...fieldsOfFoundSize],
  };
}
