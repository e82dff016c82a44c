import type { Factor, SizeReading } from "../verdict/culprit.ts";

/** A number of the config and where it stands. */
export interface ConfigNumber {
  /** Dotted path: `text_config.head_dim`. */
  readonly path: string;
  readonly value: number;
}

/** All whole numbers of a config from `least` on, in its order. */
export function configNumbers(config: unknown, { least = 2, prefix = "" } = {}): ConfigNumber[] {
  if (typeof config !== "object" || config === null || Array.isArray(config)) return [];
  return Object.entries(config).flatMap(([key, value]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (typeof value === "number" && Number.isInteger(value) && value >= least) return [{ path, value }];
    return configNumbers(value, { least, prefix: path });
  });
}

/** Facts that help to choose between products that give the same size. */
export interface SizeHints {
  readonly numbers: readonly ConfigNumber[];
  /** Paths of the fields that the code in question reads. */
  readonly read: readonly string[];
  /** Sizes of the axes that were merged into this one, if a site just before shows them: [16, 512]. */
  readonly parts?: readonly number[];
}

/**
 * Reads a size as a product of one to three config fields, or a field times a small number. Axes seen unmerged just
 * before decide the factors; among fields of one value, those that the code reads come first. Null when no product
 * fits.
 */
export function readSize(size: number, hints: SizeHints): SizeReading | null {
  const parts = hints.parts && hints.parts.reduce((product, part) => product * part, 1) === size ? hints.parts : null;
  const products = [
    ...(parts ? [parts] : []),
    [size],
    ...factorPairs(size, hints),
    ...[2, 3, 4].filter((factor) => size % factor === 0).map((factor) => [factor, size / factor]),
  ];
  let best: { factors: Factor[]; score: number } | null = null;
  products.forEach((factors, place) => {
    const named = factors.map((factor) => nameNumber(factor, hints));
    if (named.every((name) => name === null)) return;
    const unnamed = named.filter((name) => name === null).length;
    const unread = named.filter((name) => name && !name.read).length;
    const score = (factors === parts ? 0 : 2) + factors.length + 2 * unread + 3 * unnamed + place / 100;
    if (best && score >= best.score) return;
    best = { factors: factors.map((value, axis) => ({ value, field: named[axis]?.leaf ?? null, over: null })), score };
  });
  return best && { size, factors: (best as { factors: Factor[] }).factors };
}

function factorPairs(size: number, { numbers }: SizeHints): number[][] {
  const values = [...new Set(numbers.map(({ value }) => value))];
  return values
    .filter((value) => size % value === 0 && values.includes(size / value))
    .map((value) => [value, size / value]);
}

/**
 * The field that most likely stands for a number: one that is read, by its own path or as a per-layer value of the same
 * name.
 */
function nameNumber(value: number, { numbers, read }: SizeHints): { leaf: string; read: boolean } | null {
  const candidates = numbers.filter((number) => number.value === value).map(({ path }) => path);
  if (candidates.length === 0) return null;
  const chosen = candidates.find((path) => isRead(path, read)) ?? candidates[0]!;
  return { leaf: chosen.slice(chosen.lastIndexOf(".") + 1), read: isRead(chosen, read) };
}

/** True when a field is among those that were read, by its own path or as a per-layer value of the same name. */
export function isRead(path: string, read: readonly string[]): boolean {
  return read.includes(path) || read.some((other) => isPerLayerOf(other, path));
}

/**
 * True when `read` is a per-layer value that a field like `global_head_dim` fills: `...per_layer_config[5].head_dim`.
 */
function isPerLayerOf(read: string, path: string): boolean {
  const leaf = /\[[^\]]+\]\.(\w+)$/.exec(read)?.[1];
  if (leaf === undefined) return false;
  const own = path.slice(path.lastIndexOf(".") + 1);
  return (
    own.includes(leaf) ||
    (own.split("_").filter((word) => !leaf.split("_").includes(word)).length === 1 && sameTail(own, leaf))
  );
}

/** `num_global_key_value_heads` is `num_key_value_heads` with one word more. */
function sameTail(longer: string, shorter: string): boolean {
  const words = longer.split("_");
  return shorter.split("_").every((word) => words.includes(word));
}
