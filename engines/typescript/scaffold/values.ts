/** Sizes, numbers and switches of an outline as expressions of a model file. */
import type { Outline, OutlineSize } from "../../../harness/engine/outline.ts";

/** `["num_attention_heads", "head_dim"]`; a number where it is no product of fields, marked to be written. */
export function dimension({ value, factors, divisors, constant }: OutlineSize, outline: Outline): string {
  const named = factors && withHeadDim(factors, divisors, outline);
  if (!named || named.length === 0) return `${value} /* not written: of which fields */`;
  const all = [...(constant === 1 ? [] : [String(constant)]), ...named.map((name) => JSON.stringify(name))];
  return all.length === 1 ? all[0]! : `[${all.join(", ")}]`;
}

/**
 * The width of the model by the number of heads is `head_dim`, which the config's transform fills in; null for other
 * quotients.
 */
function withHeadDim(factors: readonly string[], divisors: readonly string[], { aliases }: Outline): string[] | null {
  if (divisors.length === 0) return [...factors];
  const width = aliases["hidden_size"] ?? "hidden_size";
  const heads = aliases["num_attention_heads"] ?? "num_attention_heads";
  if (divisors.join() !== heads || !factors.includes(width)) return null;
  return [...factors.filter((name) => name !== width), "head_dim"];
}

/** `this.config.num_heads`, or the number itself. */
export function number({ value, field }: { readonly value: number; readonly field: string | null }): string {
  return field ? `this.config.${field}` : String(value);
}

/** A switch: `this.config.use_bias`, `!this.config.use_bias`, `true`. */
export function boolean(value: boolean | string): string {
  if (typeof value === "boolean") return String(value);
  return value.startsWith("!") ? `!this.config.${value.slice(1)}` : `this.config.${value}`;
}

/** A switch as an option of the scope's methods, which take the name of a field, too. */
export function option(value: boolean | string): string {
  return typeof value === "string" && !value.startsWith("!") ? JSON.stringify(value) : boolean(value);
}
