/** Sizes, numbers and switches of an outline as expressions over `config`. */
import type { Outline, OutlineSize } from "../../../harness/engine/outline.ts";
import type { Imports } from "./imports.ts";

/** `size(config, "num_attention_heads", "head_dim")`; a number where it is no product of fields, marked to be written. */
export function sizeOf(
  { value, factors, divisors, constant }: OutlineSize,
  outline: Outline,
  imports: Imports,
): string {
  imports.value("layers/scope", "size");
  const named = factors && withHeadDim(factors, divisors, outline);
  if (!named || named.length === 0) return `size(config, ${value} /* not written: of which fields */)`;
  const all = [...(constant === 1 ? [] : [String(constant)]), ...named.map((name) => JSON.stringify(name))];
  return `size(config, ${all.join(", ")})`;
}

/** The width of the model by the number of heads is `head_dim`, which the config's transform fills in; null for other quotients. */
function withHeadDim(factors: readonly string[], divisors: readonly string[], { aliases }: Outline): string[] | null {
  if (divisors.length === 0) return [...factors];
  const width = aliases["hidden_size"] ?? "hidden_size";
  const heads = aliases["num_attention_heads"] ?? "num_attention_heads";
  if (divisors.join() !== heads || !factors.includes(width)) return null;
  return [...factors.filter((name) => name !== width), "head_dim"];
}

/** `config.rms_norm_eps`, or the number itself. */
export function number({ value, field }: { readonly value: number; readonly field: string | null }): string {
  return field ? `config.${field}` : String(value);
}

/** A switch: `config.use_bias`, `!config.use_bias`, `true`. */
export function boolean(value: boolean | string): string {
  if (typeof value === "boolean") return String(value);
  return value.startsWith("!") ? `!config.${value.slice(1)}` : `config.${value}`;
}
