import { EngineError } from "../../../harness/engine/implementation.ts";
import type { ConfigRead } from "../../../harness/engine/specs.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";

/** A record of which scope read which config field, each pair once, in order of first reading. */
export class ConfigReads {
  readonly #seen = new Map<string, ConfigRead>();

  record(scope: string, field: string): void {
    const key = `${scope}\0${field}`;
    if (!this.#seen.has(key)) this.#seen.set(key, { scope, field });
  }

  list(): ConfigRead[] {
    return [...this.#seen.values()];
  }
}

/** The scope that reads a view, and the record of its reads. */
export interface Reader {
  readonly scope: string;
  readonly reads: ConfigReads;
}

type Json = Record<string, unknown>;
type Key = string | number;

interface Origin {
  readonly reader: Reader;
  readonly target: Json;
  /** Path from the root config, to find the same place in another scope's config. */
  readonly keys: readonly Key[];
  /** Field path without the last key, as recorded: "text_config.", "text_config.per_layer_config[5].". */
  readonly prefix: string;
  /** Values that this layer has instead of the model's, and the prefix they are recorded under. */
  readonly overrides: Json;
  readonly overridePrefix: string;
}

const origins = new WeakMap<object, Origin>();

/**
 * A view of a parsed config whose reads are recorded for `reader.scope`: "text_config.hidden_size". Only leaves are
 * recorded (numbers, strings, lists, null), not the way to them.
 */
export function viewConfig<C extends object>(root: C, reader: Reader): C {
  return createView({ reader, target: root as Json, keys: [], prefix: "", overrides: {}, overridePrefix: "" }) as C;
}

/** The place of `config` (any view) within another root config, read by another scope. */
export function rescopeView<C extends object>(config: C, root: object, reader: Reader): C {
  let view = viewConfig(root, reader) as Json;
  for (const key of originOf(config).keys)
    view = (typeof key === "number" ? layerConfig(view, key) : view[key]) as Json;
  return view as C;
}

/**
 * The config of one layer, the reference's `config.per_layer_config[layer]`: what `per_layer_config` overrides for it,
 * else the model's value. By layer type it is the config of the layers of that type.
 * @throws EngineError `unsupported` when layers of that type differ.
 */
export function layerConfig<C extends object>(config: C, layer: number | string): C {
  const origin = originOf(config);
  const { target, keys, prefix } = origin;
  const overrides = (target["per_layer_config"] ?? {}) as Record<string, Json>;
  const index = typeof layer === "number" ? layer : firstOfType(target, overrides, layer);
  return createView({
    ...origin,
    keys: [...keys, index],
    overrides: overrides[index] ?? {},
    overridePrefix: `${prefix}per_layer_config[${index}].`,
  }) as C;
}

/** The recorded name of a field of a view: "text_config.per_layer_config[5].head_dim" when that layer overrides it. */
export function fieldName(config: object, key: string): string {
  const { overrides, overridePrefix, prefix } = originOf(config);
  return `${Object.hasOwn(overrides, key) ? overridePrefix : prefix}${key}`;
}

function firstOfType(target: Json, overrides: Record<string, Json>, type: string): number {
  const types = target["layer_types"] as string[];
  const layers = types.flatMap((candidate, index) => (candidate === type ? [index] : []));
  const [first] = layers;
  if (first === undefined) throw new RangeError(`no layer of type ${type} in layer_types [${types.join(", ")}]`);
  const wanted = JSON.stringify(overrides[first]);
  const different = layers.find((index) => JSON.stringify(overrides[index]) !== wanted);
  if (different !== undefined)
    throw new EngineError(errorCodes.unsupported, `layers of type ${type} have different configs`, {
      expected: `the same per_layer_config for all ${type} layers`,
      found: `layers ${first} and ${different} differ`,
      where: "config.json, per_layer_config",
    });
  return first;
}

function originOf(config: object): Origin {
  const origin = origins.get(config);
  if (origin === undefined) throw new TypeError("not a config view: pass the config through `at.read(config)`");
  return origin;
}

function createView(origin: Origin): object {
  const { reader, target, keys, prefix, overrides } = origin;
  const view = new Proxy(target, {
    get(_, key) {
      if (typeof key !== "string") return undefined;
      const value = Object.hasOwn(overrides, key) ? overrides[key] : target[key];
      if (value !== null && typeof value === "object" && !Array.isArray(value))
        return createView({
          reader,
          target: value as Json,
          keys: [...keys, key],
          prefix: `${prefix}${key}.`,
          overrides: {},
          overridePrefix: "",
        });
      if (value !== undefined) reader.reads.record(reader.scope, fieldName(view, key));
      return value;
    },
  });
  origins.set(view, origin);
  return view;
}
