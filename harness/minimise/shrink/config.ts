/**
 * Smaller models: fewer parts and layers, smaller sizes and vocabulary. Names are used only to tell what a number is
 * not (an id, a scale).
 */
import { toNumbers, int64Tensor } from "../../trace/tensor.ts";
import type { ConfigObject } from "./config-walk.ts";
import { changeConfig, isCount, layerField, objectsIn, sizeFields, tokenIds, withTokenIds } from "./config-walk.ts";
import type { Inputs } from "../../case/case.ts";
import type { Attempt, Subject } from "./subject.ts";
import { withoutRuns } from "./runs.ts";
import { indicesWithout, pickAlong } from "./slices.ts";

/** Drops the configs of towers that are not needed: `vision_config`, `audio_config`, ... */
export function* shrinkParts(subject: Subject): Generator<Attempt, Subject, boolean> {
  for (const { path, value } of objectsIn(subject.config)) {
    const name = path.at(-1);
    if (!name?.endsWith("_config") || layerField(value)) continue;
    for (const gone of [null, undefined]) {
      const smaller = { ...subject, config: changeConfig(subject.config, path, () => gone) };
      if (!(yield { what: `no ${name}`, subject: smaller })) continue;
      subject = smaller;
      break;
    }
  }
  return subject;
}

/**
 * Drops layers with their entries in per-layer lists; counters of layers (`num_kv_shared_layers`) stay as they are, or
 * shrink by as much.
 */
export function* shrinkLayers(subject: Subject): Generator<Attempt, Subject, boolean> {
  for (const { path } of objectsIn(subject.config)) {
    const own = ({ config }: Subject): ConfigObject =>
      objectsIn(config).find((one) => one.path.join() === path.join())!.value;
    const count = (smaller: Subject): number => {
      const field = layerField(own(smaller));
      return field ? Number(own(smaller)[field]) : 0;
    };
    subject = yield* withoutRuns(subject, {
      count,
      without: (smaller, start, end) => {
        if (end - start >= count(smaller)) return [];
        return (["keep", "shrink"] as const).map((counters) => ({
          ...smaller,
          config: changeConfig(smaller.config, path, (object) =>
            withoutLayers(object as ConfigObject, { start, end, counters }),
          ),
        }));
      },
      what: "layers",
    });
  }
  return subject;
}

function withoutLayers(
  object: ConfigObject,
  { start, end, counters }: { start: number; end: number; counters: "keep" | "shrink" },
): ConfigObject {
  const field = layerField(object)!;
  const layers = Number(object[field]);
  const kept = indicesWithout(layers, start, end);
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      if (name === field) return [name, kept.length];
      if (Array.isArray(value) && value.length === layers) return [name, kept.map((layer) => value[layer] as unknown)];
      if (counters === "shrink" && name.endsWith("layers") && isCount(value))
        return [name, Math.max(0, value - (end - start))];
      return [name, value];
    }),
  );
}

/**
 * Smaller sizes: all of them halved at once as long as that goes, then those of one value together (they may have to
 * agree), then each alone. Input features of that size are cut with them.
 */
export function* shrinkSizes(subject: Subject): Generator<Attempt, Subject, boolean> {
  subject = yield* halve(subject, { what: "all sizes", paths: pathsOf(sizeFields(subject.config)) });
  const values = [...new Set(sizeFields(subject.config).map(({ value }) => value))].toSorted((a, b) => b - a);
  for (const size of values) {
    const paths = pathsOf(sizeFields(subject.config).filter(({ value }) => value === size));
    if (paths.size > 1) subject = yield* smallestOf(subject, { what: `sizes ${size}`, paths });
  }
  for (const path of pathsOf(sizeFields(subject.config)))
    subject = yield* smallestOf(subject, { what: path, paths: new Set([path]) });
  return subject;
}

/** Some size fields, by their dotted paths. */
interface Fields {
  readonly what: string;
  readonly paths: ReadonlySet<string>;
}

function pathsOf(fields: ReturnType<typeof sizeFields>): Set<string> {
  return new Set(fields.map(({ path }) => path.join(".")));
}

/** The least that the fields can be, or what halving leaves of them. */
function* smallestOf(subject: Subject, fields: Fields): Generator<Attempt, Subject, boolean> {
  const least = resized(subject, fields, leastOf);
  if (!least) return subject;
  if (yield { what: `${fields.what} at its least`, subject: least }) return least;
  return yield* halve(subject, fields);
}

function* halve(subject: Subject, fields: Fields): Generator<Attempt, Subject, boolean> {
  for (;;) {
    const smaller = resized(subject, fields, halfOf);
    if (!smaller || !(yield { what: `${fields.what} halved`, subject: smaller })) return subject;
    subject = smaller;
  }
}

/** The subject with other sizes; null when all are as small as can be. */
function resized(subject: Subject, { paths }: Fields, sizeOf: (value: number, name: string) => number): Subject | null {
  let { config, inputs } = subject;
  for (const { path, value } of sizeFields(subject.config)) {
    if (!paths.has(path.join("."))) continue;
    const size = sizeOf(value, path.at(-1)!);
    config = changeConfig(config, path, () => size);
    if (size > 0) inputs = cutFeatures(inputs, value, size);
  }
  return config === subject.config ? null : { ...subject, config, inputs };
}

/** The first `size` features of tensors [items, entries, features] that have `value` of them. */
function cutFeatures(inputs: Inputs, value: number, size: number): Inputs {
  return new Map(
    [...inputs].map(([name, tensor]) => {
      const isCut = tensor.dtype !== "I64" && tensor.shape.length === 3 && tensor.shape[2] === value;
      return [name, isCut ? pickAlong(tensor, 2, indicesWithout(size, 0, 0)) : tensor];
    }),
  );
}

/** A counter of layers goes down to 0, all else to 1. */
function leastOf(_: number, name: string): number {
  return name.endsWith("layers") ? 0 : 1;
}

/** Half of a size, even where that leaves more than two: heads rotate in halves. */
function halfOf(value: number, name: string): number {
  const half = Math.floor(value / 2);
  if (half === 0) return leastOf(value, name);
  return half > 2 ? half - (half % 2) : half;
}

/** Fewer token ids: the special ones and 1, 2, 4, ... others, as few as still fail. */
export function* shrinkVocabulary(subject: Subject): Generator<Attempt, Subject, boolean> {
  const match = objectsIn(subject.config).find(({ value }) => isCount(value["vocab_size"]));
  if (!match) return subject;
  const size = Number(match.value["vocab_size"]);
  const special = [...new Set(tokenIds(subject.config))].filter((id) => id >= 0 && id < size).toSorted((a, b) => a - b);
  const ids = toNumbers(subject.inputs.get("input_ids")!);
  for (let others = 1; special.length + others < size; others *= 2) {
    const smaller = renumbered(subject, ids, { special, others, size });
    if (yield { what: `vocabulary of ${special.length + others}`, subject: smaller }) return smaller;
  }
  return subject;
}

/** Special tokens as 0, 1, ..., all others spread over the `others` ids behind them. */
function renumbered(
  subject: Subject,
  ids: ArrayLike<number>,
  { special, others, size }: { special: readonly number[]; others: number; size: number },
): Subject {
  const number = (id: number): number => {
    const place = special.indexOf(id);
    return place >= 0 ? place : special.length + (id % others);
  };
  let config = withTokenIds(subject.config, (id) => (id >= 0 && id < size ? number(id) : id));
  for (const { path, value } of objectsIn(config))
    for (const [name, own] of Object.entries(value))
      if (own === size && name.startsWith("vocab_size"))
        config = changeConfig(config, [...path, name], () => special.length + others);
  const { shape } = subject.inputs.get("input_ids")!;
  const inputs = new Map(subject.inputs).set("input_ids", int64Tensor(Array.from(ids, number), shape));
  return { ...subject, config, inputs };
}
