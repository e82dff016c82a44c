/**
 * The schema of one site in one phase, as facts: the expected tensor, how the engine's was judged, and why it does not
 * pass.
 */
import { z } from "zod";

/** pass: equal to within noise; unknown: could not be judged (never green); error: something broke. */
export const status = z.enum(["pass", "fail", "unknown", "error"]);

export const shape = z.array(z.int().nonnegative());
export const ratio = z.number().nonnegative();

/** A place: a site in a phase. */
export const place = z.strictObject({ site: z.string(), phase: z.string() });

/** The shape and dtype of a tensor. */
export const tensorKind = z.strictObject({ shape, dtype: z.string() });

/** The distance of the engine from the float64 oracle at one site, in units of the reference's own rounding noise. */
export const distance = z.strictObject({
  /** The ratio of the whole tensor: rms(engine - oracle) / noise. */
  ratio,
  /**
   * The worst row (all but the last axis flattened) and the worst column (last axis), same unit; null where a golden
   * can't tell.
   */
  worst_row: z.strictObject({ index: z.int(), ratio }).nullable(),
  worst_column: z.strictObject({ index: z.int(), ratio }).nullable(),
  /** rms(engine - oracle), rms(reference - oracle) or the floor if larger, rms(oracle). */
  error: z.number(),
  noise: z.number(),
  rms: z.number(),
  max_error: z.number().nullable(),
});

/** A number as JSON can hold it: what is not finite is spelled out. */
const spelled = z.union([z.number(), z.literal(["NaN", "Infinity", "-Infinity"])]);

/** An element of a tensor: its place, and its value in the engine and in the reference. */
export const element = z.strictObject({ index: shape, found: spelled, expected: spelled });

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

/**
 * The indices of one axis in which an error lives: `count` of `size`, from `first` to `last`, `step` apart, or null
 * apart irregularly.
 */
export const region = z.strictObject({
  axis: z.string(),
  size: z.int(),
  count: z.int(),
  first: z.int(),
  last: z.int(),
  step: z.int().nullable(),
});

/** Detail of a failing site, made in a second look. */
export const detail = z.strictObject({
  worst_elements: z.array(element),
  /** Counts of |engine - oracle| / noise in powers of two: below 1/16, 1/8, ... */
  histogram: z.array(z.int()),
  /** The part of the tensor that the error is in, one entry an axis; empty when it is everywhere. */
  where: z.array(region).default([]),
  /** The picture of the error at a site that fails on the engine's own input. */
  picture: picture.optional(),
});

/** Rows in which an engine chose other columns than the reference (experts), and the first of them. */
export const flips = z.strictObject({
  count: z.int(),
  rows: z.int(),
  first: z.strictObject({
    row: z.int(),
    found: z.array(z.number()),
    expected: z.array(z.number()),
    /** The distance between the logits of the two choices, in noise units; null where columns are not there. */
    gap: z.number().nullable(),
  }),
});

/** A direction that rounding does not have: every row off by the same factor, or every element by the same amount. */
export const direction = z.strictObject({
  kind: z.enum(["scale", "offset"]),
  /** Size in ulp, and its distance from zero in standard errors. */
  ulp: z.number(),
  z: z.number(),
});

/** The reason why a site fails. */
export const why = z.discriminatedUnion("kind", [
  /** `length`: the number of tokens at which they differ, where they agree at another. */
  z.strictObject({ kind: z.literal("shape"), expected: shape, found: shape, length: z.int().optional() }),
  z.strictObject({ kind: z.literal("dtype"), expected: z.string(), found: z.string() }),
  /** `count` elements (null: not counted) are not finite in the engine's tensor alone. */
  z.strictObject({ kind: z.literal("not finite"), count: z.int().nullable() }),
  /** The reference is exact here and the engine is not bit-equal; `first` is null where only a checksum is known. */
  z.strictObject({
    kind: z.literal("not exact"),
    first: element.nullable(),
    count: z.int().nullable(),
    of: z.int(),
  }),
  /** A distance above the limit, in noise units: of the whole tensor, or of one row or column. */
  z.strictObject({
    kind: z.literal("noise"),
    at: z.discriminatedUnion("part", [
      z.strictObject({ part: z.literal("tensor") }),
      z.strictObject({ part: z.literal("row"), index: z.int() }),
      z.strictObject({ part: z.literal("column"), index: z.int() }),
    ]),
    ratio,
  }),
  z.strictObject({ kind: z.literal("direction"), ratio, direction }),
  z.strictObject({ kind: z.literal("choice"), flips }),
  /** The engine's forward stopped at `at`: this site, or one that the reference does not have, before this one. */
  z.strictObject({ kind: z.literal("stop"), at: z.string(), message: z.string() }),
]);

/** The reason why a site could not be judged. */
export const unjudged = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("not offered") }),
  z.strictObject({ kind: z.literal("out of order") }),
  /** The engine stopped before it, at another site. */
  z.strictObject({ kind: z.literal("stopped"), at: z.string() }),
  /** The reference and its float64 run have different shapes. */
  z.strictObject({ kind: z.literal("no oracle"), reference: shape, oracle: shape }),
  /** `count` of `of` elements are not a number on both sides: nothing there could be compared. */
  z.strictObject({ kind: z.literal("not a number"), count: z.int(), of: z.int() }),
  /** The engine lacks a capability that the phase needs, or can't run a phase (`before`) that it continues. */
  z.strictObject({
    kind: z.literal("phase impossible"),
    lacks: z.enum(["cache", "fork", "an earlier phase"]),
    before: z.string().nullable(),
  }),
]);

/** A judgement of one site. */
export const judgement = z.discriminatedUnion("status", [
  z.strictObject({
    status: z.literal("pass"),
    distance: distance.optional(),
    /** A choice between equals that fell otherwise than the reference's. */
    tie: flips.optional(),
  }),
  z.strictObject({
    status: z.literal("fail"),
    why,
    distance: distance.optional(),
    detail: detail.optional(),
  }),
  z.strictObject({ status: z.literal("unknown"), why: unjudged }),
]);

/** One site in one phase. */
export const siteVerdict = z.strictObject({
  site: z.string(),
  phase: z.string(),
  /** Position in the reference's execution order over all phases. */
  order: z.int().nonnegative(),
  /** The reference's tensor; null where it was not seen. */
  expected: tensorKind.nullable(),
  /**
   * The shape that the engine's tensor had where it is the expected one by broadcasting: one side has a batch of 1, and
   * all rows of the other are the same.
   */
  broadcast: shape.optional(),
  /**
   * The status of the site: by the local judgement where there is one, else by that of the run. Values that are not
   * finite in the engine's run and finite in the reference's fail, whatever the local judgement says.
   */
  status: status.exclude(["error"]),
  /**
   * The engine's run against the reference's own: says how far an error has got; healthy rounding may be amplified on
   * its way.
   */
  run: judgement.nullable(),
  /** The reference's module on the engine's own input; null where that can't be made. */
  local: judgement.nullable(),
});

export type Status = z.infer<typeof status>;
export type Place = z.infer<typeof place>;
export type TensorKind = z.infer<typeof tensorKind>;
export type Distance = z.infer<typeof distance>;
export type Element = z.infer<typeof element>;
export type Picture = z.infer<typeof picture>;
export type Region = z.infer<typeof region>;
export type Detail = z.infer<typeof detail>;
export type Flips = z.infer<typeof flips>;
export type Direction = z.infer<typeof direction>;
export type Why = z.infer<typeof why>;
export type Unjudged = z.infer<typeof unjudged>;
export type Judgement = z.infer<typeof judgement>;
export type Failed = Extract<Judgement, { status: "fail" }>;
export type SiteVerdict = z.infer<typeof siteVerdict>;
