/**
 * Changes of weights and modules: not loaded, used otherwise, another's; modules left out; experts chosen otherwise.
 */
import { z } from "zod";
import { number } from "./shared.ts";

const weight = z.string();
const index = z.int().nonnegative();
/** The function by which a router makes scores of logits. */
const score = z.enum(["softmax", "sigmoid", "logits", "relu", "exp", "softmax over the chosen"]);

export const weightChanges = [
  /** A function of a weight w in its place. */
  z.strictObject({
    kind: z.literal("weight"),
    weight,
    to: z.enum(["zeros", "ones", "1 + w", "w - 1", "-w", "2w", "w / 2", "1 / w", "w^2", "exp(w)"]),
  }),
  z.strictObject({ kind: z.literal("weight and number"), weight, operation: z.enum(["+", "x"]), number }),
  /** The tensor of another place under a weight's name. */
  z.strictObject({ kind: z.literal("other weight"), weight, found: z.string() }),
  z.strictObject({
    kind: z.literal("weight transposed"),
    weight,
    how: z.enum(["transposed", "stored transposed", "reshaped"]),
  }),
  /** The rows of a matrix are rows of its siblings, or its own in another order; the first few of `count` are told. */
  z.strictObject({
    kind: z.literal("rows of siblings"),
    weight,
    rows: z.array(z.strictObject({ weight, row: index })),
    count: index,
    bias: z.enum(["own", "that of the rows"]),
  }),
  z.strictObject({ kind: z.literal("one element"), weight, row: index, column: index }),
  /** Some matrix that is in no tensor of the checkpoint. */
  z.strictObject({ kind: z.literal("another matrix"), weight }),
  /** A module is not run: its input goes on, or zeros do. */
  z.strictObject({ kind: z.literal("module left out"), module: z.string(), output: z.enum(["its input", "zeros"]) }),
  /** A norm of another place is applied to the tensor, too. */
  z.strictObject({ kind: z.literal("norm applied too"), module: z.string() }),
  /** The weights of chosen experts, made from the router's logits in another way. */
  z.strictObject({
    kind: z.literal("expert weights"),
    score,
    /** True when the weights are made to sum to 1. */
    normalised: z.boolean(),
    /** The factor of the weights; null for none. */
    factor: number.nullable(),
    /** True when the weights hold the bias that is meant for the choice alone. */
    biased: z.boolean(),
  }),
  /** The experts with the highest or lowest scores, without groups. */
  z.strictObject({
    kind: z.literal("expert choice"),
    score,
    which: z.enum(["highest", "lowest"]),
    biased: z.boolean(),
  }),
  z.strictObject({ kind: z.literal("experts renumbered"), by: z.int(), count: z.int().positive() }),
] as const;
