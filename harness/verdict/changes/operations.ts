/** Changes of operations: left out, replaced, applied twice, on other operands; activations, norms and precision. */
import { z } from "zod";
import { subject } from "./shared.ts";

const operation = z.string();
const operand = z.union([z.literal(1), z.literal(2)]);

/** Activation functions, as engines have them in each other's place. */
export const activation = z.enum([
  ...["gelu_erf", "gelu_tanh", "quick_gelu", "silu", "relu", "relu_squared", "sigmoid", "tanh", "softplus", "relu6"],
  ...["elu", "selu", "mish", "hard_swish", "leaky_relu", "exp", "none"],
] as const);

/** The activation that the reference has: a function, or a module that computes it in several steps. */
const expectedActivation = z.union([activation, z.strictObject({ module: z.string() })]);

/** Kinds of norms. `rms of parts` norms each of several equal parts of the last axis alone. */
export const norm = z.enum([
  ...["rms", "layer", "rms with eps outside the root", "rms with eps as a lower bound", "rms with eps in the sum"],
  ...["square of the mean", "mean of magnitudes", "mean square without the root", "l2", "mean subtracted only"],
  ...[
    "layer with unbiased variance",
    "rms around the mean",
    "rms over the last two axes",
    "rms over all but the first",
  ],
  ...["rms over the axis before the last", "rms of the first half", "rms of each half", "rms of parts"],
  ...["largest magnitude", "rms twice", "none"],
] as const);
/** The way a norm uses its weight. */
export const normWeight = z.enum(["w", "1 + w", "none"]);

/** Lower precisions; `TF32 cut off` drops the bits that TF32 rounds. */
export const format = z.enum(["bfloat16", "float16", "TF32", "TF32 cut off"]);

export const operationChanges = [
  /** An operation is not done: what it works on goes on as it is. */
  z.strictObject({ kind: z.literal("left out"), operation }),
  /** One of two operands is not used: the other one is the result. */
  z.strictObject({ kind: z.literal("operand left out"), operation, operand }),
  /** An operation works on a function x of one of its operands. */
  z.strictObject({
    kind: z.literal("operand changed"),
    ...{ operation, operand },
    to: z.enum(["-x", "2x", "1 + x", "x - 1"]),
  }),
  z.strictObject({ kind: z.literal("applied twice"), operation }),
  /** Another operation is done in the place of the reference's. */
  z.strictObject({
    kind: z.literal("operation"),
    expected: operation,
    found: z.enum([
      ...["add", "mul", "div", "cos", "sin", "sum", "mean of all features", "lt", "le", "gt", "ge", "sigmoid", "exp"],
      ...["log_softmax", "softmax plus one", "softmax over the axis before the last", "softmax to base 2"],
    ] as const),
  }),
  z.strictObject({ kind: z.literal("activation"), expected: expectedActivation, found: activation }),
  /** The tanh approximation of GELU with other digits of its constants sqrt(2 / pi) and 0.044715. */
  z.strictObject({
    kind: z.literal("activation constants"),
    expected: expectedActivation,
    root: z.number(),
    cube: z.number(),
  }),
  /** The module's input goes through an activation first. */
  z.strictObject({ kind: z.literal("input activated"), activation }),
  /** A choice by a condition (`where`, `masked_fill`) goes another way. */
  z.strictObject({
    kind: z.literal("condition"),
    operation,
    to: z.enum(["always true", "never true", "inverted"]),
  }),
  /** `topk` takes another number of the largest. */
  z.strictObject({ kind: z.literal("number of largest"), expected: z.int(), found: z.int() }),
  /** One of the parts that are joined is left out, or has the other sign. Parts are counted from 1. */
  z.strictObject({
    kind: z.literal("part changed"),
    operation,
    part: z.int().positive(),
    parts: z.int().positive(),
    to: z.enum(["zeros", "minus infinity", "-x"]),
  }),
  z.strictObject({
    kind: z.literal("norm"),
    expected: z.strictObject({ norm, weight: normWeight }),
    found: z.strictObject({
      norm,
      weight: normWeight,
      /** Number of parts of the norm `rms of parts`; null for others. */
      parts: z.int().nullable(),
      eps: z.boolean(),
    }),
  }),
  /** A tensor rounded to a lower precision. */
  z.strictObject({ kind: z.literal("rounded"), of: subject, to: format }),
  /** A tensor quantised to 8 bits, with one scale for all of it, for each row or for each token. */
  z.strictObject({ kind: z.literal("quantised"), of: subject, scale: z.enum(["tensor", "row", "token"]) }),
] as const;
