/** The schema of a culprit, a place that is wrong on its own account, and of the readings of its shape. */
import { z } from "zod";
import { explanation } from "./explanation.ts";
import { place, region, shape, why } from "./site.ts";

/**
 * Sizes of a site at symbolic lengths: numbers, or text such as "s" and "2s" where they move with the sequence's length
 * s.
 */
const symbolicShape = z.array(z.union([z.int(), z.string()]));

/**
 * A factor of a size: a plain number, a config field, or one field over another (hidden_size / num_attention_heads).
 */
export const factor = z.strictObject({
  value: z.int(),
  /** Name of the config field, without the way to it. */
  field: z.string().nullable(),
  over: z.string().nullable(),
});

/** One size of a shape as a product of config fields. */
export const sizeReading = z.strictObject({ size: z.int(), factors: z.array(factor).min(1) });

/** A stated or ruled-out explanation of a wrong size, with its evidence. */
export const sizeCause = z.discriminatedUnion("kind", [
  /** The engine used one field where the reference uses another. */
  z.strictObject({
    kind: z.literal("replaced field"),
    holds: z.literal(true),
    expected: factor,
    found: factor,
    /**
     * Layers whose reference has the expected size at this site, of how many, and their kind where it is theirs alone.
     */
    layers: z.array(z.int()),
    layer_count: z.int(),
    layer_kind: z.string().nullable(),
    /** Config fields that the reference reads in its scope and the engine's code in its own never does. */
    never_read: z.array(z.string()),
    reference_scope: z.string(),
    engine_scope: z.string(),
    /** A functional site just before that shows the difference already. */
    first_seen: z.strictObject({ site: z.string(), expected: shape, found: shape }).nullable(),
  }),
  /** "Streams should have been concatenated", the usual wrong reading where one size is a multiple of the other. */
  z.strictObject({
    kind: z.literal("concatenation"),
    holds: z.boolean(),
    copies: z.int(),
    size: z.int(),
    /** Sites of the reference's layer, and config fields, that have this size. */
    sites: z.array(z.string()),
    fields: z.array(z.string()),
  }),
]);

/** A place that is wrong on its own account. */
export const culprit = z.strictObject({
  site: z.string(),
  phase: z.string(),
  why,
  /** The part of the tensor that the error is in, one entry an axis; empty when it is everywhere. */
  where: z.array(region).default([]),
  /**
   * The module does its work right on the input it recorded, so that input was wrong: only the run as a whole fails
   * here.
   */
  inherited: z.boolean().default(false),
  /** The first place of the run whose padding is not a number in the engine alone: what the culprit got comes from there. */
  padding: z.strictObject({ ...place.shape, count: z.int() }).optional(),
  /** Shapes with symbolic lengths, and the sizes that differ as products of config fields; only where shapes differ. */
  shapes: z
    .strictObject({
      expected: symbolicShape,
      found: symbolicShape,
      expected_sizes: z.array(sizeReading),
      found_sizes: z.array(sizeReading),
      causes: z.array(sizeCause),
    })
    .nullable()
    .default(null),
  /** Other layers, calls and phases that are wrong at the same place. */
  also: z.array(place).default([]),
  explanation: explanation.optional(),
});

export type Factor = z.infer<typeof factor>;
export type SizeReading = z.infer<typeof sizeReading>;
export type SizeCause = z.infer<typeof sizeCause>;
export type Culprit = z.infer<typeof culprit>;
