import type { Reading, SizeReading } from "../verdict/schema.ts";
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
  readonly firstSeenAt: string | null;
}

/** Explains a size by the config field that was replaced by another, and weighs the reading "streams were not concatenated" against it. */
export function explainSizes(mismatch: SizeMismatch): Reading[] {
  return [replacedField(mismatch), ...concatenation(mismatch)].filter((reading) => reading !== null);
}

function replacedField(mismatch: SizeMismatch): Reading | null {
  const {
    expected,
    found,
    affectedLayers,
    layerCount,
    layerKind,
    neverRead,
    substitution,
    referenceScope,
    engineScope,
    firstSeenAt,
  } = mismatch;
  const change = changedFactor(expected.formula, found.formula) ?? substitution;
  if (!change) return null;
  const layers = affectedLayers.join(", ");
  const evidence = [
    layerKind
      ? `layers ${layers} are ${layerKind}; the engine used ${change.found} for all ${layerCount} layers`
      : `${affectedLayers.length} of ${layerCount} layers have this size in the reference: ${layers}`,
    neverRead.length > 0 &&
      `the reference reads ${neverRead.join(", ")} in ${referenceScope}, the engine's ${engineScope} never does`,
    firstSeenAt && `first seen at ${firstSeenAt}`,
  ];
  return {
    claim: `${change.expected} expected, the engine used ${change.found}`,
    holds: true,
    evidence: evidence.filter(Boolean).join("; "),
  };
}

/** The one factor in which two products of fields differ. */
function changedFactor(expected: string, found: string): { expected: string; found: string } | null {
  const [theirs, ours] = [expected.split(" x "), found.split(" x ")];
  const onlyTheirs = theirs.filter((factor) => !ours.includes(factor));
  const onlyOurs = ours.filter((factor) => !theirs.includes(factor));
  if (onlyTheirs.length !== 1 || onlyOurs.length !== 1) return null;
  return { expected: onlyTheirs[0]!, found: onlyOurs[0]! };
}

/** "Two streams of the found size should have been concatenated" is the usual wrong reading when one size is a multiple of the other. */
function concatenation({ expected, found, sitesOfFoundSize, fieldsOfFoundSize }: SizeMismatch): Reading[] {
  const copies = expected.size / found.size;
  if (!Number.isInteger(copies) || copies < 2) return [];
  const claim = `${copies} streams of ${found.size} should have been concatenated`;
  if (sitesOfFoundSize.length >= copies)
    return [{ claim, holds: true, evidence: `the reference's layer has ${sitesOfFoundSize.join(", ")} of that size` }];
  const sites = sitesOfFoundSize.length === 0 ? "no site" : `only ${sitesOfFoundSize.join(", ")}`;
  const fields = fieldsOfFoundSize.length === 0 ? "no config field" : `only ${fieldsOfFoundSize.join(", ")}`;
  return [
    {
      claim,
      holds: false,
      evidence: `${sites} of the reference's layer and ${fields} has the size ${found.size}: there is nothing to concatenate`,
    },
  ];
}
