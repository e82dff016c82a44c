/**
 * The parts that facts about changes are made of: numbers with their names, axes, tensors and what of a call is meant.
 */
import { z } from "zod";

/** The name of a number: a usual constant, or a config field or an attribute of the module, raised to a power. */
const numberName = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("usual") }),
  z.strictObject({
    kind: z.enum(["field", "attribute"]),
    /** The field's path in the config, or the attribute's name. */
    path: z.string(),
    value: z.number(),
    /** 1 for the field itself, 0.5 for its root, -1 for its inverse. */
    power: z.number(),
  }),
]);

/** A number of a change. Its name is null where it was fitted to the engine, or computed from one that was. */
export const number = z.strictObject({ value: z.number(), name: numberName.nullable() }).meta({ id: "number" });

/** An axis of a tensor: what it runs over where that is known, its place from 0, its length. */
export const axis = z
  .strictObject({
    name: z.enum(["sequence", "head", "token", "feature", "key"]).nullable(),
    index: z.int().nonnegative(),
    size: z.int().nonnegative(),
  })
  .meta({ id: "axis" });

/** A tensor of the same call: what a site holds, or an argument (of a tuple, one of its parts). */
export const tensor = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("site"), site: z.string() }),
    z.strictObject({ kind: z.literal("argument"), argument: z.string(), part: z.int().nonnegative().nullable() }),
  ])
  .meta({ id: "tensor" });

/** The part of a call that a change is made to. Operands and their parts are counted from 1. */
export const subject = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("tensor") }),
    z.strictObject({ kind: z.literal("input") }),
    z.strictObject({ kind: z.literal("argument"), argument: z.string() }),
    z.strictObject({ kind: z.literal("weight"), weight: z.string() }),
    z.strictObject({
      kind: z.literal("operand"),
      operation: z.string(),
      operand: z.int().positive(),
      part: z.int().positive().nullable(),
    }),
    z.strictObject({ kind: z.literal("operands"), operation: z.string() }),
    z.strictObject({ kind: z.literal("result"), operation: z.string() }),
    z.strictObject({ kind: z.literal("every operation"), module: z.string() }),
  ])
  .meta({ id: "subject" });

/** The block of the tensor that a change is restricted to: for each axis that it does not span, its runs of indices. */
export const part = z.array(
  z.strictObject({ axis, ranges: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])).min(1) }),
);

export type NumberFact = z.infer<typeof number>;
export type AxisFact = z.infer<typeof axis>;
export type TensorFact = z.infer<typeof tensor>;
export type Subject = z.infer<typeof subject>;
export type Part = z.infer<typeof part>;
