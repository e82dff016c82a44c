/** The config schema of a new model file. */
import type { Outline, OutlineField } from "../../../harness/engine/outline.ts";
import type { Imports } from "./imports.ts";
import { literal } from "./literal.ts";

/** Fields under the names that the frame of a decoder reads. */
const frame = ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings"];

/** `export const XConfig = configSchema({...}).transform(...)`, with the defaults of the class. */
export function configBlock(outline: Outline, imports: Imports, inert: readonly string[]): string {
  const { config_class: name, model_type, fields, rope } = outline;
  imports.value("layers/config_schema", "configSchema");
  const shown = fields.filter((field) => !inert.includes(field.name) && field.kind !== "rope");
  const lines = [
    `  model_type: z.literal(${JSON.stringify(model_type)}).default(${JSON.stringify(model_type)}),`,
    ...shown.map((field) => `  ${field.name}: ${schemaOf(field, imports)},`),
  ];
  if (!fields.some((field) => field.name === "tie_word_embeddings"))
    lines.push("  tie_word_embeddings: z.boolean().default(true),");
  if (rope) {
    imports.value("layers/config_schema", "rope_fields");
    lines.push("  ...rope_fields,");
    const partial = rope["partial_rotary_factor"];
    if (typeof partial === "number" && partial !== 1)
      lines.push(`  partial_rotary_factor: rope_fields.partial_rotary_factor.default(${partial}),`);
  }
  return `/** \`${name}\`, with its defaults. */
export const ${name} = configSchema({
${lines.join("\n")}
}).transform((fields) => ({
${derived(outline, imports)
  .map((line) => `  ${line},\n`)
  .join("")}}));
export type ${name} = z.output<typeof ${name}>;`;
}

/** The lines of the transform: what `__post_init__` and `attribute_map` give, and what masks and caches follow from. */
function derived({ fields, aliases, rope }: Outline, imports: Imports): string[] {
  const has = (name: string) => fields.find((field) => field.name === name);
  const own = (name: string) => `fields.${aliases[name] ?? name}`;
  const lines = [rope ? standardized(rope, imports) : "...fields"];
  for (const name of frame) if (aliases[name]) lines.push(`${name}: ${own(name)}`);
  lines.push(...heads({ fields, aliases }, imports));
  const layers = aliases["num_hidden_layers"] || has("sliding_window");
  const given = layers ? `{ num_hidden_layers: ${own("num_hidden_layers")} }` : "fields";
  const types = `${imports.value("layers/config_schema", "alike")}(${given})`;
  // What the class derives where a config has none is written by hand.
  lines.push(has("layer_types") ? `layer_types: fields.layer_types ?? ${types}` : `layer_types: ${types}`);
  return lines;
}

/** The lines for `head_dim` and `num_key_value_heads`, which every attention is made from. */
function heads({ fields, aliases }: Pick<Outline, "fields" | "aliases">, imports: Imports): string[] {
  const own = (name: string) => aliases[name] ?? name;
  const [head_dim, key_heads] = ["head_dim", own("num_key_value_heads")].map((name) =>
    fields.find((field) => field.name === name),
  );
  const missing = (field: OutlineField | undefined) => !field || field.nullable;
  if (["hidden_size", "num_attention_heads", "num_key_value_heads"].every((name) => own(name) === name))
    return missing(head_dim) || missing(key_heads)
      ? [`...${imports.value("layers/config_schema", "derive_heads")}(fields)`]
      : [];
  const quotient = `Math.floor(fields.${own("hidden_size")} / fields.${own("num_attention_heads")})`;
  const query_heads = `fields.${own("num_attention_heads")}`;
  return [
    ...(missing(head_dim) ? [`head_dim: ${head_dim ? "fields.head_dim ?? " : ""}${quotient}`] : []),
    `num_key_value_heads: ${key_heads ? `fields.${key_heads.name} ?? ` : ""}${query_heads}`,
  ];
}

function standardized(rope: Readonly<Record<string, unknown>>, imports: Imports): string {
  imports.value("layers/config_schema", "standardize_rope_params");
  const theta = rope["rope_theta"];
  return theta === 10_000 || theta === undefined
    ? "...standardize_rope_params(fields)"
    : `...standardize_rope_params(fields, ${literal(theta)})`;
}

function schemaOf(field: OutlineField, imports: Imports): string {
  const { name, nullable, default: value } = field;
  if (name === "layer_types")
    return `z.array(${imports.value("layers/config_schema", "layer_type")}).nullish() /* not written: the class's default */`;
  switch (field.kind) {
    case "int": {
      const positive = typeof value !== "number" || value > 0;
      if (positive) imports.value("layers/config_schema", "count");
      return `${positive ? "count" : "z.int()"}${rest(nullable, value)}`;
    }
    case "float":
      return `z.number()${rest(nullable, value)}`;
    case "bool":
      return `z.boolean()${rest(nullable, value)}`;
    case "activation":
      return `${imports.value("layers/config_schema", "activation")}${rest(false, value)}`;
    case "token":
      return `${imports.value("layers/config_schema", "tokenId")}.default(${literal(value)})`;
    case "string":
      return `z.string()${rest(nullable, value)}`;
    default:
      return "z.unknown().optional() /* not written: what it may be */";
  }
}

function rest(nullable: boolean, value: OutlineField["default"]): string {
  if (value === null && !nullable) return ".optional()";
  return `${nullable && value === null ? ".nullable()" : ""}.default(${literal(value)})`;
}
