/** Changes of positions: rotary embeddings and their tables, position ids, tokens, and who may read whom. */
import { z } from "zod";
import { number } from "./shared.ts";

const size = z.int().positive();
const positive = z.number().positive();
const weight = z.string();

/** A mask as a rule: which keys a query may read. */
export const maskRule = z.strictObject({
  /** Keys up to the query, before it, or all. */
  keys: z.enum(["up to the query", "before the query", "all"]),
  /** Keys that are seen; 0 for no window. `symmetric`: to both sides. */
  window: z.int().nonnegative(),
  symmetric: z.boolean(),
  /** Blocks of media tokens that read each other. */
  blocks: z.enum(["none", "each", "images", "videos", "media", "runs"]),
  /** The window cuts the blocks, too. */
  block_in_window: z.boolean(),
  /** Padding is hidden. */
  padding: z.boolean(),
  /** Number of tokens that queries are taken to be further on. */
  shift: z.int(),
  /** Tokens of a chunk, where a query reads keys of its own chunk only; 0 for no chunks. */
  chunk: z.int().nonnegative(),
  /** Tokens of earlier phases are read. */
  past: z.boolean(),
});

/** Position ids that depend on nothing but the tokens. */
export const positionRule = z.enum([
  ...["padding counted", "padding counted, from 1", "from 0 in every forward", "restarted behind the cache", "all 0"],
  ...["last for all", "first sequence for all", "reversed", "doubled", "length for all", "from the start of the phase"],
  ...["padding at 1", "padding negative", "text only"],
] as const);

/** Position ids as a tensor, or only as what tokens are rotated by. */
const of = z.enum(["ids", "rotation"]);

export const positionChanges = [
  /** A rotary embedding is applied in another way; `call` (from 1) where only one of several calls has it wrong. */
  z.strictObject({
    kind: z.literal("rotation"),
    to: z.enum([
      ...[
        "once more",
        "taken back",
        "not applied",
        "twice",
        "other direction",
        "cos and sin swapped",
        "pairs",
        "halves",
      ],
      ...["pairs, tables for halves", "halves, tables for pairs", "tables for pairs", "tables of the next token"],
      ...["tables of the token before", "first token's tables", "first sequence's tables", "first half only"],
      "second half only",
    ] as const),
    call: size.nullable(),
  }),
  /**
   * Only the first features of a head are rotated, in halves or in pairs; `respaced`: with frequencies spaced over
   * these.
   */
  z.strictObject({
    kind: z.literal("partly rotated"),
    rotated: size,
    features: size,
    layout: z.enum(["halves", "pairs"]),
    respaced: z.boolean(),
  }),
  /** Rotary frequencies from another base. */
  z.strictObject({ kind: z.literal("rope base"), expected: positive, found: positive }),
  /** Exponents of the frequencies spread over another number of features. */
  z.strictObject({ kind: z.literal("rope span"), expected: size, found: size }),
  /** Frequencies theta^(-2i / span) for `rotated` of `features` features. */
  z.strictObject({ kind: z.literal("rope frequencies"), theta: positive, span: size, rotated: size, features: size }),
  z.strictObject({ kind: z.literal("frequencies scaled"), factor: number }),
  /** Only the first frequencies are there, the others zero. */
  z.strictObject({ kind: z.literal("frequencies cut"), kept: z.int().nonnegative(), of: size }),
  /** The tables of another kind of layers. */
  z.strictObject({ kind: z.literal("tables of"), weight }),
  /** Frequencies shared out among the kinds of positions otherwise. */
  z.strictObject({
    kind: z.literal("rope sections"),
    attribute: z.string(),
    expected: z.array(z.int()),
    found: z.array(z.int()),
  }),
  /** A module made again from the config with one field changed; null for a field that is left out. */
  z.strictObject({ kind: z.literal("config field"), field: z.string(), expected: z.unknown(), found: z.unknown() }),
  z.strictObject({ kind: z.literal("positions"), of, rule: positionRule }),
  z.strictObject({ kind: z.literal("positions shifted"), of, by: z.number(), never_below_0: z.boolean() }),
  /** Positions that stop growing, as the number of cached tokens does. */
  z.strictObject({ kind: z.literal("positions at most"), last: size }),
  /** Two kinds of positions (time, height, width) exchanged, everywhere or in images and videos. */
  z.strictObject({
    kind: z.literal("position kinds exchanged"),
    kinds: z.tuple([z.string(), z.string()]),
    media_only: z.boolean(),
  }),
  /** One kind of positions is taken for all kinds. */
  z.strictObject({ kind: z.literal("one position kind"), which: z.string() }),
  /** Images and videos take positions in another way, or the text behind them goes on elsewhere. */
  z.strictObject({
    kind: z.literal("media positions"),
    rule: z.enum([
      ...["as text", "grid for the first only", "text goes on by tokens", "text one too far", "text one too early"],
      ...["one for an image", "text behind the largest", "one time for all frames", "lead of the first sequence"],
    ] as const),
  }),
  /** Frames of a video so many positions apart in time. */
  z.strictObject({ kind: z.literal("frames apart"), by: z.number() }),
  z.strictObject({ kind: z.literal("mask rule"), expected: maskRule, found: maskRule }),
  z.strictObject({
    kind: z.literal("whole mask"),
    to: z.enum(["inverted", "transposed", "first sequence for all", "first query for all", "last query for all"]),
  }),
  /** Packed sequences (windows, frames, images) that attend together. */
  z.strictObject({ kind: z.literal("packing"), to: z.enum(["all as one", "every two as one", "last two as one"]) }),
  /** Token ids that a phase reads from another place of the input. */
  z.strictObject({
    kind: z.literal("tokens"),
    to: z.enum([
      ...["as given", "one early", "one late", "from the start of the input", "last for all", "reversed"],
      "first sequence for all",
    ] as const),
  }),
] as const;
