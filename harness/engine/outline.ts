/**
 * The outline of an architecture, as the reference finds it: config fields, and classes in the order of the modeling
 * file.
 */
import { z } from "zod";

/**
 * A size of a tensor: a product of config fields and a constant, divided by fields; `factors` is null where it is no
 * such product.
 */
const outlineSize = z.strictObject({
  value: z.int().nonnegative(),
  factors: z.array(z.string()).nullable(),
  divisors: z.array(z.string()),
  constant: z.int(),
});

/** A number of a module and the field that it follows, null when none. */
const outlineNumber = z.strictObject({ value: z.number(), field: z.string().nullable() });

const childFields = {
  name: z.string(),
  /** Class name. */
  type: z.string(),
  kind: z.enum(["linear", "conv1d", "embedding", "layer_norm", "activation", "dropout", "list", "module"]),
  path: z.string(),
  /** The switch that the child is there for: a field, or `!field`. */
  when: z.string().optional(),
  /** Shape of the child's weight. */
  shape: z.array(outlineSize).optional(),
  /** True where the child has a bias, or the config field that decides whether it has one. */
  bias: z.union([z.boolean(), z.string()]).optional(),
  eps: outlineNumber.nullish(),
  activation: z.string().optional(),
  /** The field that names an activation. */
  field: z.string().nullish(),
} as const;

const outlineChild = z.strictObject({
  ...childFields,
  /** The number of elements of a list, and what they are. */
  count: outlineNumber.optional(),
  element: z.string().nullish(),
  elements: z.strictObject(childFields).optional(),
});

const outlineClass = z.strictObject({
  name: z.string(),
  /** Path of the first module of the class. */
  path: z.string(),
  /** The kind of module that its structure and its results show it to be. */
  like: z.enum([
    "root",
    "model",
    "rotary",
    "attention",
    "rms_norm",
    "rounded_rms_norm",
    "one_plus_rms_norm",
    "gated_mlp",
    "linear",
    "embedding",
    "module",
  ]),
  /** True where the class has a forward of its own. */
  forward: z.boolean(),
  /** True where its constructor takes a layer index. */
  indexed: z.boolean(),
  eps: outlineNumber.nullable(),
  /** The factor that an attention multiplies its scores by. */
  scaling: z.number().nullable(),
  tensors: z.array(z.strictObject({ name: z.string(), shape: z.array(outlineSize) })),
  children: z.array(outlineChild),
});

const outlineField = z.strictObject({
  name: z.string(),
  kind: z.enum(["int", "float", "bool", "string", "activation", "token", "tokens", "list", "rope", "other"]),
  nullable: z.boolean(),
  default: z.union([z.number(), z.string(), z.boolean()]).nullable(),
});

export const outline = z.strictObject({
  model_type: z.string(),
  architecture: z.string(),
  config_class: z.string(),
  /** The modeling file, from `models/` on. */
  source: z.string(),
  /** The version of transformers. */
  version: z.string(),
  /** The root's child that is the model without its head. */
  prefix: z.string(),
  /** A tiny config. */
  config: z.record(z.string(), z.unknown()),
  fields: z.array(outlineField),
  /** Names that other models use -> the config's own. */
  aliases: z.record(z.string(), z.string()),
  /** The default config's rope parameters, where it has one kind of rope. */
  rope: z.record(z.string(), z.unknown()).nullable(),
  classes: z.array(outlineClass),
});

export type Outline = z.infer<typeof outline>;
export type OutlineClass = z.infer<typeof outlineClass>;
export type OutlineChild = z.infer<typeof outlineChild>;
export type OutlineField = z.infer<typeof outlineField>;
export type OutlineSize = z.infer<typeof outlineSize>;
