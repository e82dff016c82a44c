import { fieldName } from "./config_view.ts";

/** One size of a weight and the config fields it follows from: 8192, "num_attention_heads 16 x head_dim 512". */
export interface Size {
  readonly value: number;
  readonly text: string;
}

/** The names of the fields of the config `C` that hold a value of the type `V`, or null. */
type FieldOf<C, V> = keyof {
  [K in keyof C as string extends K ? never : C[K] extends V | null | undefined ? K : never]: unknown;
} &
  string;

/** A field that holds a number. Another field's name, or a misspelt one, does not compile. */
export type NumberField<C> = FieldOf<C, number>;

/** A field that holds a switch. */
export type SwitchField<C> = FieldOf<C, boolean>;

/**
 * A size as an architecture writes it: a config field, a number, a list of both for their product, or a size made
 * before.
 */
export type Dimension<C> = NumberField<C> | number | readonly (NumberField<C> | number)[] | Size;

/** The size that `dimension` of `config` is. Of a list it is the product. */
export function sizeOf<C extends object>(config: C, dimension: Dimension<C>): Size {
  if (typeof dimension === "object" && "text" in dimension) return dimension;
  const factors = (typeof dimension === "object" ? dimension : [dimension]) as readonly (keyof C | number)[];
  const values = factors.map((factor) => (typeof factor === "number" ? factor : Number(config[factor])));
  const texts = factors.map((factor, index) =>
    typeof factor === "number" ? String(factor) : `${fieldName(config, String(factor))} ${values[index]}`,
  );
  return { value: values.reduce((product, value) => product * value, 1), text: texts.join(" x ") };
}

/** Several sizes one behind the other, as of a fused projection. */
export function sum(...sizes: readonly Size[]): Size {
  return {
    value: sizes.reduce((total, { value }) => total + value, 0),
    text: sizes.map(({ text }) => text).join(" + "),
  };
}
