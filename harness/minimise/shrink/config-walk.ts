/** Walking over a Hugging Face config without knowing its architecture. */
import type { Case } from "../../case/case.ts";

/** A config or a part of it. */
export type ConfigObject = Readonly<Record<string, unknown>>;

/** An object of a config and the names that lead to it. */
export interface ConfigPart {
  readonly path: readonly string[];
  readonly value: ConfigObject;
}

/** The config itself and all objects in it, outer ones first. */
export function objectsIn(config: ConfigObject, path: readonly string[] = []): ConfigPart[] {
  return [
    { path, value: config },
    ...Object.entries(config).flatMap(([name, value]) => (isObject(value) ? objectsIn(value, [...path, name]) : [])),
  ];
}

/** The config with another value at a path; without it where that is undefined. */
export function changeConfig(
  config: ConfigObject,
  path: readonly string[],
  change: (value: unknown) => unknown,
): Case["config"] {
  const [name, ...rest] = path;
  if (name === undefined) return change(config) as Case["config"];
  const { [name]: old, ...others } = config;
  const value = rest.length === 0 ? change(old) : changeConfig(old as ConfigObject, rest, change);
  if (value === undefined) return others;
  return Object.fromEntries(Object.entries(config).map(([key, own]) => [key, key === name ? value : own]));
}

/** A whole number above 0. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/** The field that counts the layers of a config object, when there is one. */
export function layerField(object: ConfigObject): string | undefined {
  return Object.keys(object).find(
    (name) => /^(num_hidden_layers|num_layers|n_layers?)$/.test(name) && isCount(object[name]),
  );
}

/**
 * Whole numbers that are no sizes: ids, layers and vocabulary (shrunk with what depends on them), and numbers that
 * values are computed with.
 */
const noSize =
  /token|_ids?$|_index$|^vocab_size|^num_hidden_layers$|^num_layers$|^n_layers?$|theta|base|factor|scal|cap|eps|alpha|beta|multiplier|limit|seed|std|version/;

/** Whole numbers that can be smaller, with their place; counters of layers down to 0. */
export function sizeFields(config: ConfigObject): { readonly path: readonly string[]; readonly value: number }[] {
  return objectsIn(config).flatMap(({ path, value }) =>
    Object.entries(value).flatMap(([name, own]) => {
      if (noSize.test(name) || !isCount(own) || (own === 1 && !name.endsWith("layers"))) return [];
      return [{ path: [...path, name], value: own }];
    }),
  );
}

const tokenField = /token_(id|index)$|token_ids$/;

/** All token ids that a config names. */
export function tokenIds(config: ConfigObject): number[] {
  return objectsIn(config).flatMap(({ value }) =>
    Object.entries(value)
      .filter(([name]) => tokenField.test(name))
      .flatMap(([, own]) => own)
      .filter((id) => typeof id === "number"),
  );
}

/** The config with other token ids. */
export function withTokenIds(config: ConfigObject, number: (id: number) => number): Case["config"] {
  const change = (name: string, value: unknown): unknown => {
    if (isObject(value)) return withTokenIds(value, number);
    if (!tokenField.test(name)) return value;
    if (Array.isArray(value)) return value.map((id: unknown) => (typeof id === "number" ? number(id) : id));
    return typeof value === "number" ? number(value) : value;
  };
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, change(name, value)]));
}

function isObject(value: unknown): value is ConfigObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
