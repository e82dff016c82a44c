/**
 * The verdict: the machine-readable result of one case with one engine. Every report is drawn from it and from nothing
 * else. `docs/verdict.schema.json` is generated from this schema.
 */
import { z } from "zod";
import { changed, changedWithFacts, need } from "./change.ts";

/** Bumped when a reader of an older verdict could misread a newer one. */
export const verdictVersion = 1;

/** pass: compared and equal to within noise; unknown: could not be judged (never green); error: something broke. */
export const status = z.enum(["pass", "fail", "unknown", "error"]);

const shape = z.array(z.int().nonnegative());
/** Sizes of a site at symbolic lengths: numbers, or text such as "s" and "2s". */
const symbolicShape = z.array(z.union([z.int(), z.string()]));
/** JSON has no infinity: a ratio that is not a number is capped at this value. */
export const maxRatio = 1e30;
const ratio = z.number().nonnegative();

/** How far the engine is from the float64 oracle at one site, in units of the reference's own rounding noise. */
export const distance = z.strictObject({
  /** Whole tensor: rms(engine - oracle) / noise. */
  ratio,
  /** The worst row (all but the last axis flattened) and the worst column (last axis), same unit; null where a golden can't tell. */
  worst_row: z.strictObject({ index: z.int(), ratio }).nullable(),
  worst_column: z.strictObject({ index: z.int(), ratio }).nullable(),
  /** rms(engine - oracle), rms(reference - oracle) or the floor if larger, rms(oracle). */
  error: z.number(),
  noise: z.number(),
  rms: z.number(),
  max_error: z.number().nullable(),
});

/** One element of a tensor: where, what the engine has, what the reference has. Not-a-number is spelled out. */
export const element = z.strictObject({
  index: shape,
  found: z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]),
  expected: z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]),
});

const axis = z.strictObject({
  /** "head", "token", "query", "channel". */
  name: z.string(),
  size: z.int(),
  /** Cells in the picture: fewer than `size` where several indices share one. */
  cells: z.int(),
});
const cells = z.array(z.number().nullable());

/** A tensor as two axes, row-major: rms over all that a cell stands for; null where that is not finite. */
export const picture = z.strictObject({
  rows: axis,
  columns: axis,
  found: cells,
  expected: cells,
  /** rms(engine - oracle) in units of noise. */
  error: cells,
});

/** Detail of a failing site, made in a second look. */
export const detail = z.strictObject({
  worst_elements: z.array(element),
  /** Counts of |engine - oracle| / noise in powers of two: below 1/16, 1/8, ... */
  histogram: z.array(z.int()),
  /** Where in the tensor the error lives, when it is not everywhere: "head 2 of 4". */
  where: z.array(z.string()).default([]),
  /** Of a site that fails on the engine's own input. */
  picture: picture.optional(),
});

export const siteVerdict = z.strictObject({
  site: z.string(),
  phase: z.string(),
  /** Position in the reference's execution order over all phases. */
  order: z.int().nonnegative(),
  /** The local judgement where there is one, else the accumulated one. */
  status,
  /** The engine's run against the reference's own: says how far an error has got, and healthy rounding may be amplified on its way. */
  accumulated_status: status.optional(),
  /** The reference's module on the engine's own input. Absent where it can't be made. */
  local_status: status.optional(),
  /** Why it is not a pass, in one sentence; of a pass only where a choice between equals fell otherwise ("a tie: ..."). */
  reason: z.string().optional(),
  shape: shape.optional(),
  dtype: z.string().optional(),
  found_shape: shape.optional(),
  found_dtype: z.string().optional(),
  accumulated: distance.optional(),
  local: distance.optional(),
  detail: detail.optional(),
});

/** One size of a shape, written as a product of config fields. */
export const sizeReading = z.strictObject({ size: z.int(), formula: z.string() });

/** A stated or ruled-out explanation with its evidence. */
export const reading = z.strictObject({ claim: z.string(), holds: z.boolean(), evidence: z.string() });

/** A change of the reference with which the engine agrees to within noise. */
export const counterfactual = z.strictObject({
  ...changedWithFacts,
  /** Other changes that give the same numbers on these inputs. */
  synonyms: z.array(z.strictObject(changed)).default([]),
  /** The factor on the inputs that would tell it from the first candidate; null for the first, and when none is known. */
  apart: z.number().positive().nullable().default(null),
  /** What else speaks for it: config fields that it names and the engine never reads. */
  unread: z.array(z.string()).default([]),
  /** The engine's distance from the changed reference, in noise units, over all phases that it explains. */
  ratio,
  /** Phases that it explains. */
  phases: z.array(z.string()),
  /** Phases where the engine agrees with the reference as it is, and not with this change. */
  not_in: z.array(z.string()).default([]),
});

/** Why the engine differs at a culprit, found by experiment. */
export const explanation = z.strictObject({
  /**
   * explained: one change reproduces the engine; ambiguous: several that differ elsewhere do; pattern: none, but the error has a
   * simple form; unexplained: none.
   */
  status: z.enum(["explained", "ambiguous", "pattern", "unexplained"]),
  /** Counterfactuals that were tried. */
  tried: z.int(),
  /** The engine's distance from the reference as it is. */
  ratio,
  candidates: z.array(counterfactual),
  /** What the error's size and kind say where no change gives it. */
  reading: z.string().optional(),
  seconds: z.number(),
});

export const culprit = z.strictObject({
  site: z.string(),
  phase: z.string(),
  /** One sentence: what is wrong there. */
  summary: z.string(),
  expected: symbolicShape.optional(),
  found: symbolicShape.optional(),
  expected_sizes: z.array(sizeReading).default([]),
  found_sizes: z.array(sizeReading).default([]),
  /** Other layers with the same failure. */
  also: z.array(z.string()).default([]),
  readings: z.array(reading).default([]),
  explanation: explanation.optional(),
});

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

/** One engine against itself: rows of chunked and decoded phases against the same rows of one full forward. */
export const consistency = z.strictObject({
  engine: z.string(),
  status,
  compared: z.int(),
  worst: z.strictObject({ site: z.string(), phase: z.string(), ratio }).nullable(),
});

/** Config fields that the reference reads and the engine never does, and the other way round. */
export const configAudit = z.strictObject({
  never_read_by_engine: z.array(z.string()),
  never_read_by_reference: z.array(z.string()),
  /** At the culprit: fields the reference reads in that module and the engine's producing code does not. */
  at_culprit: z
    .strictObject({
      scope: z.string(),
      engine_scope: z.string(),
      reference_only: z.array(z.string()),
      engine_reads: z.array(z.string()),
    })
    .optional(),
});

export const tensorAudit = z.strictObject({
  compared: z.int(),
  missing: z.array(z.string()),
  unexpected: z.array(z.string()),
  different: z.array(z.strictObject({ name: z.string(), expected: z.string(), found: z.string() })),
});

/** Why a case can't see a change, and what would make it. */
export const holeReason = z.discriminatedUnion("kind", [
  /** Its inputs lack what the change needs to be seen; of a window, `longest` is the length of the longest. */
  z.strictObject({ kind: z.literal("inputs lack"), what: need, longest: z.int() }),
  /** It moves the site by `ratio` noise units only: rounding or the mathematics hides it. */
  z.strictObject({ kind: z.literal("below rounding"), ratio }),
  z.strictObject({ kind: z.literal("no difference") }),
]);

/** A likely fault that a case could not see. */
export const hole = z.strictObject({
  site: z.string(),
  /** What the engine could do without being found out. */
  ...changed,
  reason: holeReason,
});

/** What a green verdict of this case is worth: the likely faults that it would have found. */
export const power = z.strictObject({ seen: z.int(), total: z.int(), holes: z.array(hole) });

export const engineIdentity = z.strictObject({
  name: z.string(),
  version: z.string(),
  versions: z.record(z.string(), z.string()).default({}),
  fault: z.string().optional(),
});

/** A text that stands for a case's inputs: its tokens, and how both sides go on. */
export const textFindings = z.strictObject({
  text: z.string(),
  /** In the checkpoint's chat template. */
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

export const verdict = z.strictObject({
  schema: z.literal(verdictVersion),
  case: z.string(),
  /** The file that defines the case, relative to the root of the repository that holds it, with `/`. */
  case_file: z.string().optional(),
  mode: z.enum(["live", "golden", "shapes"]),
  status,
  /** What the case expects; a verdict that meets `fail` at the expected site is as good as a pass. */
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
  worst: z.strictObject({ site: z.string(), phase: z.string(), ratio }).nullable(),
  /** The first of `culprits`. */
  culprit: culprit.nullable(),
  /** Places that are wrong on their own account, in execution order; all that differs elsewhere follows from them. */
  culprits: z.array(culprit),
  sites: z.array(siteVerdict),
  logits: z.array(logitsAgreement),
  consistency: z.array(consistency),
  /** Null where it was never measured. */
  power: power.nullable().default(null),
  config_audit: configAudit.nullable(),
  tensor_audit: tensorAudit.nullable(),
  /** Of a run on a text. A tokenizer that differs makes the verdict a fail. */
  text: textFindings.optional(),
  error: z
    .strictObject({
      /** Whose matter it is: the caller's, the machine's, or the engine's. Decides the exit code. */
      kind: z.enum(["usage", "environment", "engine"]),
      message: z.string(),
      remedy: z.string().optional(),
      stderr_tail: z.array(z.string()).default([]),
    })
    .nullable(),
  /** What it takes to run this again: the engine as `--engine` names it, a planted fault's id. */
  rerun: z.strictObject({ engine: z.string(), fault: z.string().optional() }).optional(),
  /** SHA-256 of config, weights and inputs, as far as they are known. */
  checksums: z.record(z.string(), z.string()),
  started: z.string(),
  seconds: z.number(),
});

export type TextFindings = z.infer<typeof textFindings>;
export type Status = z.infer<typeof status>;
export type Distance = z.infer<typeof distance>;
export type SiteVerdict = z.infer<typeof siteVerdict>;
export type Culprit = z.infer<typeof culprit>;
export type Power = z.infer<typeof power>;
export type Hole = z.infer<typeof hole>;
export type HoleReason = z.infer<typeof holeReason>;
export type Explanation = z.infer<typeof explanation>;
export type Counterfactual = z.infer<typeof counterfactual>;
export type Picture = z.infer<typeof picture>;
export type Detail = z.infer<typeof detail>;
export type LogitsAgreement = z.infer<typeof logitsAgreement>;
export type Consistency = z.infer<typeof consistency>;
export type ConfigAudit = z.infer<typeof configAudit>;
export type TensorAudit = z.infer<typeof tensorAudit>;
export type Reading = z.infer<typeof reading>;
export type SizeReading = z.infer<typeof sizeReading>;
export type EngineIdentity = z.infer<typeof engineIdentity>;
export type Verdict = z.infer<typeof verdict>;
