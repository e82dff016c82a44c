/** Changes of layout: the same numbers in other places, or only some of them. */
import { z } from "zod";
import { axis, subject } from "./shared.ts";

const count = z.int().positive();
const index = z.int().nonnegative();

export const layoutChanges = [
  z.strictObject({ kind: z.literal("reversed"), of: subject, axis }),
  /** Every element is `by` places further on; zeros come in, or what went out at the other end. */
  z.strictObject({ kind: z.literal("shifted"), of: subject, axis, by: z.int(), zeros: z.boolean() }),
  /** One index of an axis stands for all. */
  z.strictObject({
    kind: z.literal("one index for all"),
    of: subject,
    axis,
    index: z.union([z.enum(["first", "last"]), index]),
  }),
  /** An axis of `blocks` x n in the order of n x `blocks`. */
  z.strictObject({ kind: z.literal("interleaved"), of: subject, axis, blocks: count }),
  z.strictObject({ kind: z.literal("blocks reversed"), of: subject, axis, blocks: count }),
  /**
   * An axis of `outer` x `inner` blocks in the order of `inner` x `outer`, as of heads and of queries, keys and values.
   */
  z.strictObject({ kind: z.literal("blocks exchanged"), of: subject, axis, outer: count, inner: count }),
  /** The rows of each of several blocks go from one order of rotary features to the other. */
  z.strictObject({
    kind: z.literal("rotary order"),
    of: subject,
    axis,
    blocks: count,
    to: z.enum(["halves", "pairs"]),
  }),
  /** Two axes are written, or read, in the other order. */
  z.strictObject({
    kind: z.literal("axes exchanged"),
    of: subject,
    axes: z.tuple([axis, axis]),
    when: z.enum(["written", "read"]),
  }),
  /** Only the first `kept` indices of an axis are there; zeros behind. */
  z.strictObject({ kind: z.literal("tail zero"), of: subject, axis, kept: count }),
  /** Only one of several equal shards of an axis is there, counted from 1; zeros for the others. */
  z.strictObject({ kind: z.literal("one shard"), of: subject, axis, shard: count, shards: count }),
  z.strictObject({ kind: z.literal("zero"), of: subject }),
  /** Whole numbers (ids, indices) that are too high or too low by `by`. */
  z.strictObject({ kind: z.literal("offset"), of: subject, by: z.int() }),
  /** Slices along an axis come from other indices: pairs of a place and the index it comes from, of `moved` in all. */
  z.strictObject({
    kind: z.literal("from elsewhere"),
    of: subject,
    axis,
    places: z.array(z.tuple([index, index])),
    moved: index,
  }),
  /** The rows of a tensor in another order: for each place, which row it holds; the first few of `rows`. */
  z.strictObject({ kind: z.literal("rows reordered"), of: subject, order: z.array(index), rows: count }),
  /** Parts that an operation joins or splits are taken in another order. */
  z.strictObject({
    kind: z.literal("parts reordered"),
    operation: z.string(),
    to: z.enum(["reversed", "interleaved"]),
  }),
  /** An axis is split in two, or two are merged, with the other one outermost. */
  z.strictObject({
    kind: z.literal("other axis outermost"),
    operation: z.string(),
    step: z.enum(["split", "merge"]),
    sizes: z.tuple([count, count]),
  }),
  /** Another slice of the same length. */
  z.strictObject({ kind: z.literal("other slice"), from: z.enum(["start", "end", "even indices", "odd indices"]) }),
  /** A slice of another length, from the start or up to the end. */
  z.strictObject({
    kind: z.literal("slice length"),
    axis,
    from: z.enum(["start", "end"]),
    expected: count,
    found: count,
  }),
  /** The tensor itself is longer or shorter along one axis. */
  z.strictObject({
    kind: z.literal("resized"),
    axis,
    how: z.enum(["end cut", "start cut", "zeros behind", "zeros in front", "first again", "each repeated", "tiled"]),
    expected: count,
    found: count,
  }),
] as const;
