/** The schemas of a run's findings beside its sites: logits, self-consistency, config fields, tensors, texts. */
import { z } from "zod";
import { place, ratio, shape, status } from "./site.ts";

/** Agreement of final logits over one phase. */
export const logitsAgreement = z.strictObject({
  phase: z.string(),
  /** Mean and largest KL(reference || engine) over rows, in nats. */
  mean_kl: z.number(),
  max_kl: z.number(),
  /** Rows whose largest logit is the same token. */
  top1: z.int(),
  rows: z.int(),
  /** Smallest gap between the reference's two largest logits over the rows that disagree; null when none does. */
  margin: z.number().nullable(),
});

/**
 * The agreement of one side with itself: rows of chunked and decoded phases against the same rows of one full forward.
 */
export const consistency = z.strictObject({
  engine: z.string(),
  status,
  compared: z.int(),
  worst: z.strictObject({ ...place.shape, ratio }).nullable(),
});

/**
 * The logits of a phase in which every site is right on its own data, and yet the whole run differs by more than the
 * limit: against what the reference's own rounding grows to on its way.
 */
export const amplification = z.strictObject({
  phase: z.string(),
  /** The distance of the engine's logits, in noise units. */
  ratio,
  /** The largest distance that random errors as large as the engine's, one noise unit at least, grew to in the reference. */
  amplified: ratio,
  /** Fail: more than the limit times that, so that something between the sites was not seen. */
  status: z.enum(["pass", "fail"]),
});

/** Config fields that the reference reads and the engine never does, and the other way round. */
export const configAudit = z.strictObject({
  never_read_by_engine: z.array(z.string()),
  never_read_by_reference: z.array(z.string()),
  /** Fields that the reference reads in the culprit's module and the engine's producing code does not. */
  at_culprit: z
    .strictObject({
      scope: z.string(),
      engine_scope: z.string(),
      reference_only: z.array(z.string()),
      engine_reads: z.array(z.string()),
    })
    .optional(),
});

/** A tensor as one side declares it. */
export const declaredTensor = z.strictObject({
  shape,
  /** The tensor that it shares its values with. */
  tied_to: z.string().nullable(),
});

/** A loaded tensor whose numbers are not the reference's, in the same dtype. */
export const valueDifference = z.strictObject({
  name: z.string(),
  dtype: z.string(),
  /** Elements that differ, of how many; null where the values were too large to be asked for. */
  count: z.int().nullable(),
  of: z.int().nullable(),
  /** rms(engine - reference) / rms(reference). */
  relative: z.number().nullable(),
  /** The precision to which the engine's numbers are the reference's rounded; null where none is. */
  rounded_to: z.enum(["BF16", "F16"]).nullable(),
});

/** The engine's loaded tensors against the reference's: names, shapes, ties, and their numbers. */
export const tensorAudit = z.strictObject({
  compared: z.int(),
  missing: z.array(z.string()),
  unexpected: z.array(z.string()),
  different: z.array(z.strictObject({ name: z.string(), expected: declaredTensor, found: declaredTensor })),
  /** The numbers, bit by bit where the dtype is the same; null where the engine gives no checksums. */
  values: z
    .strictObject({ compared: z.int(), different: z.array(valueDifference) })
    .nullable()
    .default(null),
});

/** A text that stands for a case's inputs: its tokens, and how both sides go on. */
export const textFindings = z.strictObject({
  text: z.string(),
  /** True when the text was put into the checkpoint's chat template. */
  chat: z.boolean(),
  /** The reference's tokens. */
  tokens: z.int(),
  /** The engine's tokenizer against the reference's; unknown where the engine has none. */
  status,
  /** The first token that differs; null where none does. */
  difference: z
    .strictObject({ position: z.int(), expected: z.string().nullable(), found: z.string().nullable() })
    .nullable(),
  /** The likeliest continuation by both; null where the engine can't, or nothing was asked for. */
  continuation: z
    .strictObject({
      expected: z.string(),
      found: z.string(),
      /** Tokens of the reference's, and those before the first that differs. */
      tokens: z.int(),
      agree: z.int(),
    })
    .nullable(),
});

export type LogitsAgreement = z.infer<typeof logitsAgreement>;
export type Amplification = z.infer<typeof amplification>;
export type Consistency = z.infer<typeof consistency>;
export type ConfigAudit = z.infer<typeof configAudit>;
export type DeclaredTensor = z.infer<typeof declaredTensor>;
export type ValueDifference = z.infer<typeof valueDifference>;
export type TensorAudit = z.infer<typeof tensorAudit>;
export type TextFindings = z.infer<typeof textFindings>;
