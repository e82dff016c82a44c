/** Changes of values: numbers of the code, simple functions of a tensor, terms that are added or taken instead. */
import { z } from "zod";
import { axis, number, tensor } from "./shared.ts";

/** Functions of x with one number c. `at least minus` bounds at -c. */
export const valueFunction = z.enum([
  ...["multiplied by", "plus", "soft-capped", "clipped", "at most", "at least", "at least minus", "power"],
  ...["negative values multiplied by", "multiples of"],
] as const);

export const valueChanges = [
  /** A number that operations use has another value. */
  z.strictObject({
    kind: z.literal("number"),
    /** The operations that use the number; several where one constant of the code is used in each. */
    operations: z.array(z.string()).min(1),
    expected: number,
    found: number,
  }),
  /** The tensor, or the module's input before it is used, under a simple function. */
  z.strictObject({
    kind: z.literal("function"),
    of: z.enum(["tensor", "input"]),
    function: valueFunction,
    number,
  }),
  /** The tensor times one number plus another. */
  z.strictObject({ kind: z.literal("line"), factor: number, offset: number }),
  /** A form of error: every index of an axis has a factor or an offset of its own; the first few are told. */
  z.strictObject({
    kind: z.literal("per index"),
    axis,
    each: z.enum(["factor", "offset"]),
    numbers: z.array(z.number()),
  }),
  /** Another tensor of the call is taken in place of the site's. */
  z.strictObject({ kind: z.literal("term instead"), tensor }),
  /** The module reads another tensor of its surroundings in place of its input. */
  z.strictObject({ kind: z.literal("input instead"), tensor }),
  /** Another tensor of the call, times a factor, is added. */
  z.strictObject({ kind: z.literal("term added"), tensor, factor: number }),
  /** The sum, difference or product of two tensors of the call is taken in place of the site's. */
  z.strictObject({
    kind: z.literal("terms combined"),
    first: tensor,
    operation: z.enum(["+", "-", "x"]),
    second: tensor,
  }),
  /** A vector among the model's weights is used on the tensor, where it does not belong. */
  z.strictObject({
    kind: z.literal("weight used"),
    operation: z.enum(["multiplied by", "divided by", "plus"]),
    weight: z.string(),
  }),
] as const;
