/** Sizes as products of config fields, and why one is wrong, in words. */
import type { Factor, SizeCause, SizeReading } from "../culprit.ts";

/** `head_dim 256`, `hidden_size / num_attention_heads 240`, `3`. */
export function factorText({ value, field, over }: Factor): string {
  if (field === null) return String(value);
  return over === null ? `${field} ${value}` : `${field} / ${over} ${value}`;
}

/** `num_attention_heads 16 x global_head_dim 512`. */
export function formulaText({ factors }: SizeReading, times = " x "): string {
  return factors.map(factorText).join(times);
}

/** States the claim that a reading of a wrong size makes, as one sentence without a full stop. */
export function claimText(cause: SizeCause): string {
  return cause.kind === "replaced field"
    ? `${factorText(cause.expected)} expected, the engine used ${factorText(cause.found)}`
    : `${cause.copies} streams of ${cause.size} should have been concatenated`;
}

/** States the evidence for or against a reading of a wrong size, one sentence an entry, the strongest first. */
export function evidenceTexts(cause: SizeCause): string[] {
  return cause.kind === "replaced field" ? replacedEvidence(cause) : [concatenationEvidence(cause)];
}

function replacedEvidence(cause: Extract<SizeCause, { kind: "replaced field" }>): string[] {
  const layers = cause.layers.join(", ");
  const found = factorText(cause.found);
  const texts = [
    cause.layer_kind === null
      ? `${cause.layers.length} of ${cause.layer_count} layers have this size in the reference: ${layers}`
      : `layers ${layers} are ${cause.layer_kind}`,
  ];
  if (cause.layer_kind !== null) texts.push(`the engine used ${found} for all ${cause.layer_count} layers`);
  if (cause.never_read.length > 0)
    texts.push(
      `the reference reads ${cause.never_read.join(", ")} in ${cause.reference_scope}, the engine's ${cause.engine_scope} never does`,
    );
  if (cause.first_seen) {
    const { site, expected, found: seen } = cause.first_seen;
    texts.push(`first seen at ${site}: [${seen.join(", ")}], expected [${expected.join(", ")}]`);
  }
  return texts;
}

function concatenationEvidence({ holds, size, sites, fields }: Extract<SizeCause, { kind: "concatenation" }>): string {
  if (holds) return `the reference's layer has ${sites.join(", ")} of that size`;
  const places = sites.length === 0 ? "no site" : `only ${sites.join(", ")}`;
  const numbers = fields.length === 0 ? "no config field" : `only ${fields.join(", ")}`;
  return `${places} of the reference's layer and ${numbers} has the size ${size}: there is nothing to concatenate`;
}
