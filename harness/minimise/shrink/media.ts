/** Fewer images, video frames and audio clips, and smaller ones. */
import { toNumbers } from "../../trace/tensor.ts";
import type { Inputs } from "../../case/case.ts";
import type { MediaKind } from "../../case/input-tensors.ts";
import { mediaKinds } from "../../case/input-tensors.ts";
import type { MediaRun } from "./media-runs.ts";
import { itemCount, mediaRuns, withoutItems } from "./media-runs.ts";
import type { Attempt, Subject } from "./subject.ts";
import { withoutRuns } from "./runs.ts";
import { withColumns } from "./sequence.ts";
import { indicesWithout, pickAlong } from "./slices.ts";

/**
 * Drops whole modalities, then single items, then patches and frames of those that are left; each with its tokens. Only
 * where the batch has one row.
 */
export function* shrinkMedia(subject: Subject): Generator<Attempt, Subject, boolean> {
  if (subject.inputs.get("input_ids")!.shape[0] !== 1) return subject;
  for (const kind of mediaKinds) {
    const all = dropItems(subject, kind, 0, itemCount(subject.inputs, kind));
    if (all && (yield { what: `no ${kind.name}`, subject: all })) subject = all;
  }
  for (const kind of mediaKinds) {
    const what = kind.plural;
    subject = yield* withoutRuns(subject, {
      count: ({ inputs }) => (itemCount(inputs, kind) > 1 ? itemCount(inputs, kind) : 0),
      without: (smaller, start, end) => {
        const next = dropItems(smaller, kind, start, end);
        return next && itemCount(next.inputs, kind) > 0 ? [next] : [];
      },
      what,
    });
    subject = yield* shrinkItems(subject, kind);
  }
  return subject;
}

/**
 * Items [start, end) with their tokens; null when there are none, or when tokens and items can't be told to belong
 * together.
 */
function dropItems(subject: Subject, kind: MediaKind, start: number, end: number): Subject | null {
  const { config, inputs } = subject;
  const items = itemCount(inputs, kind);
  const runs = mediaRuns(config, inputs, kind);
  const isAll = start === 0 && end === items;
  if (items === 0 || (!isAll && runs.length !== items)) return null;
  const gone = isAll ? runs : runs.slice(start, end);
  const kept = columnsWithout(inputs, gone);
  return kept.length === 0 ? null : withColumns({ ...subject, inputs: withoutItems(inputs, kind, start, end) }, kept);
}

function columnsWithout(inputs: Inputs, gone: readonly MediaRun[]): number[] {
  return indicesWithout(inputs.get("input_ids")!.shape[1]!, 0, 0).filter((column) =>
    gone.every(({ start, end }) => column < start || column >= end),
  );
}

/**
 * Shorter items: half of the tokens and patches of each as long as that goes, then one less; last without padding, or
 * with one entry of it.
 */
function* shrinkItems(subject: Subject, kind: MediaKind): Generator<Attempt, Subject, boolean> {
  for (const shorter of [(length: number) => Math.ceil(length / 2), (length: number) => Math.max(1, length - 1)])
    for (;;) {
      const smaller = cutItems(subject, kind, shorter);
      if (!smaller || !(yield { what: `shorter ${kind.name}`, subject: smaller })) break;
      subject = smaller;
    }
  for (const padding of [0, 1]) {
    const smaller = cutItems(subject, kind, (length) => length, padding);
    if (smaller && (yield { what: `${kind.name} with padding of ${padding}`, subject: smaller })) return smaller;
  }
  return subject;
}

/**
 * Keeps the first real entries of every item, so many as `shorter` says of its tokens, and at most `padding` behind the
 * longest; null where that is no smaller, or tokens and entries are not one to one.
 */
function cutItems(
  subject: Subject,
  kind: MediaKind,
  shorter: (length: number) => number,
  padding = Infinity,
): Subject | null {
  const { config, inputs } = subject;
  const runs = mediaRuns(config, inputs, kind);
  const entries = realEntries(inputs, kind);
  if (!entries || entries.length !== runs.length) return null;
  if (runs.some(({ start, end }, item) => end - start !== entries[item]!.real.length)) return null;
  const lengths = entries.map(({ real }) => shorter(real.length));
  const widest = Math.max(...lengths);
  const fitting = Math.min(...entries.map(({ rest }, item) => lengths[item]! + rest.length));
  const width = Math.min(fitting, widest + padding);
  const before = entries[0]!.real.length + entries[0]!.rest.length;
  if (width < widest || width >= before) return null;
  const kept = entries.map(({ real, rest }, item) => [...real.slice(0, lengths[item]), ...rest].slice(0, width));
  const next = new Map(inputs);
  for (const name of kind.tensors) {
    const tensor = inputs.get(name);
    if (!tensor) continue;
    const items = kept.map((indices, item) => pickAlong(pickAlong(tensor, 0, [item]), 1, indices));
    next.set(name, {
      dtype: tensor.dtype,
      shape: [items.length, ...items[0]!.shape.slice(1)],
      bytes: new Uint8Array(Buffer.concat(items.map(({ bytes }) => bytes))),
    });
  }
  const gone = runs.map(({ row, start, end }, item) => ({ row, start: start + lengths[item]!, end }));
  return withColumns({ ...subject, inputs: next }, columnsWithout(inputs, gone));
}

/** The real entries of each item and its padding; null without a tensor that tells them apart. */
function realEntries(inputs: Inputs, { real }: MediaKind): { real: number[]; rest: number[] }[] | null {
  const tensor = inputs.get(real.tensor);
  if (!tensor) return null;
  const [items = 0, width = 0, ...inner] = tensor.shape;
  const values = toNumbers(tensor);
  const size = inner.reduce((product, length) => product * length, 1);
  return Array.from({ length: items }, (_, item) => {
    const isReal = (entry: number): boolean => {
      const first = (item * width + entry) * size;
      return values.subarray(first, first + size).some((value) => value >= real.from);
    };
    const all = indicesWithout(width, 0, 0);
    return { real: all.filter(isReal), rest: all.filter((entry) => !isReal(entry)) };
  });
}
