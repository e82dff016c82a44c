/**
 * The verdict: the machine-readable result of one case with one engine, as facts. Every report is drawn from it and
 * from nothing else, and every sentence is made from it, last, in `words/`; nothing reads a sentence back.
 * `docs/verdict.schema.json` is generated from this schema.
 */
import { z } from "zod";
import { amplification, configAudit, consistency, logitsAgreement, tensorAudit, textFindings } from "./audit.ts";
import { culprit } from "./culprit.ts";
import { power } from "./explanation.ts";
import { place, ratio, siteVerdict, status } from "./site.ts";

/** Bumped when a reader of an older verdict could misread a newer one. */
export const verdictVersion = 2;

export const engineIdentity = z.strictObject({
  name: z.string(),
  version: z.string(),
  versions: z.record(z.string(), z.string()).default({}),
  fault: z.string().optional(),
});

export const verdict = z.strictObject({
  schema: z.literal(verdictVersion),
  case: z.string(),
  /** The file that defines the case, relative to the root of the repository that holds it, with `/`. */
  case_file: z.string().optional(),
  mode: z.enum(["live", "golden", "shapes"]),
  status,
  /** The outcome that the case expects; a verdict that meets `fail` at the expected site is as good as a pass. */
  expectation: z.union([z.literal("pass"), z.strictObject({ fail_at: z.string() })]),
  met: z.boolean(),
  engine: engineIdentity,
  reference: engineIdentity,
  dtype: z.string(),
  seed: z.int(),
  limit: z.number(),
  phases: z.array(z.string()),
  coverage: z.strictObject({
    compared: z.int(),
    total: z.int(),
    /** Sites of the reference that the engine does not offer. */
    unknown: z.array(z.string()),
    /** Sites of the engine that the reference does not have. */
    unexpected: z.array(z.string()),
  }),
  worst: z.strictObject({ ...place.shape, ratio }).nullable(),
  /** The first of `culprits`. */
  culprit: culprit.nullable(),
  /** Places that are wrong on their own account, in execution order; all that differs elsewhere follows from them. */
  culprits: z.array(culprit),
  sites: z.array(siteVerdict),
  logits: z.array(logitsAgreement),
  consistency: z.array(consistency),
  amplification: z.array(amplification).default([]),
  /** The power of the case; null where it was never measured. */
  power: power.nullable().default(null),
  config_audit: configAudit.nullable(),
  tensor_audit: tensorAudit.nullable(),
  /** The findings of a run on a text. A tokenizer that differs makes the verdict a fail. */
  text: textFindings.optional(),
  error: z
    .strictObject({
      /** The one whose matter the error is: the caller's, the machine's, or the engine's. It decides the exit code. */
      kind: z.enum(["usage", "environment", "engine"]),
      message: z.string(),
      remedy: z.string().optional(),
      stderr_tail: z.array(z.string()).default([]),
    })
    .nullable(),
  /** The options that run this again: the engine as `--engine` names it, a planted fault's id. */
  rerun: z.strictObject({ engine: z.string(), fault: z.string().optional() }).optional(),
  /** SHA-256 of config, weights and inputs, as far as they are known. */
  checksums: z.record(z.string(), z.string()),
  started: z.string(),
  seconds: z.number(),
});

export type EngineIdentity = z.infer<typeof engineIdentity>;
export type Verdict = z.infer<typeof verdict>;
