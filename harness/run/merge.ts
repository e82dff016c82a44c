import type { TapBatch, TapStream } from "../engine/process.ts";
import type { Site } from "../trace/site.ts";
import { tapKey } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";

/**
 * Where a tensor comes from: the engine under test; the reference and its float64 oracle on the case's inputs; and both again with every module
 * working on what the engine recorded before it.
 */
export type Side = "engine" | "reference" | "oracle" | "localReference" | "localOracle";

/** One site in one phase with what each side has sent of it. */
export interface Group {
  readonly site: Site;
  readonly phase: string;
  /** Position among the taps of the side that sets the order: the reference where there is one. */
  order: number;
  readonly sides: Partial<Record<Side, RawTensor>>;
}

/** What is left when all streams have ended: sites that only some sides sent. */
export type Incomplete = Omit<Group, "sides"> & { readonly sides: readonly Side[] };

/** Batches that one side may be ahead of the slowest. A replaying side needs to see a few batches ahead of where it is. */
const lead = 8;

/** Tensors of a group that is not complete when every side has come this many batches further are let go: memory stays O(one layer). */
const batchesKept = 12;

/**
 * Merges the taps of several runs by site and phase: reads all streams at once, holds back those that run ahead, and calls `complete` as soon as every
 * side has sent a site. `complete` may answer "stop": then all streams are cancelled.
 * @throws what a stream throws first; the other streams are cancelled.
 */
export async function mergeTaps(
  streams: Readonly<Partial<Record<Side, TapStream>>>,
  complete: (group: Group) => "go on" | "stop",
): Promise<Incomplete[]> {
  const sides = Object.entries(streams) as [Side, TapStream][];
  const collector = collectGroups(sides.length, streams.reference ? "reference" : "engine", complete);
  const progress = new Map<Side, number>(sides.map(([side]) => [side, 0]));
  let waiting: (() => void)[] = [];
  let stopped = false;

  const slowest = (): number => Math.min(...progress.values());
  const wake = (): void => {
    const all = waiting;
    waiting = [];
    for (const resume of all) resume();
  };
  const pump = async (side: Side, stream: TapStream): Promise<void> => {
    try {
      for await (const batch of stream) {
        if (stopped) return;
        if (collector.take(side, batch) === "stop") stopped = true;
        progress.set(side, progress.get(side)! + 1);
        collector.forget(slowest() - batchesKept);
        wake();
        while (!stopped && progress.get(side)! > slowest() + lead)
          await new Promise<void>((resume) => waiting.push(resume));
      }
    } catch (error) {
      stopped = true;
      throw error;
    } finally {
      progress.delete(side);
      wake();
    }
  };
  const results = await Promise.allSettled(sides.map(([side, stream]) => pump(side, stream)));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
  return collector.leftovers();
}

interface Waiting {
  readonly group: Group;
  /** Batches that its first side had sent when the group was opened. */
  readonly since: number;
}

function collectGroups(sideCount: number, leader: Side, complete: (group: Group) => "go on" | "stop") {
  const waiting = new Map<string, Waiting>();
  const dropped = new Map<string, Incomplete & { sides: Side[] }>();
  const batches = new Map<Side, number>();
  let order = 0;

  const drop = (key: string, { group }: Waiting): void => {
    waiting.delete(key);
    dropped.set(key, { ...group, sides: Object.keys(group.sides) as Side[] });
  };
  const take = (side: Side, batch: TapBatch): "go on" | "stop" => {
    const since = (batches.get(side) ?? 0) + 1;
    batches.set(side, since);
    let answer: "go on" | "stop" = "go on";
    for (const { site, tensor } of batch.taps) {
      const key = tapKey(batch.phase, site);
      const late = dropped.get(key);
      if (late) {
        late.sides.push(side);
        if (side === leader) late.order = order++;
        continue;
      }
      const entry = waiting.get(key) ?? { group: { site, phase: batch.phase, order: -1, sides: {} }, since };
      entry.group.sides[side] = tensor;
      if (side === leader) entry.group.order = order++;
      if (Object.keys(entry.group.sides).length < sideCount) waiting.set(key, entry);
      else {
        waiting.delete(key);
        if (complete(entry.group) === "stop") answer = "stop";
      }
    }
    return answer;
  };
  /** Lets go of groups that were opened before batch `limit`: every side has passed it. */
  const forget = (limit: number): void => {
    for (const [key, entry] of waiting) {
      if (entry.since >= limit) break; // opened in about this order
      drop(key, entry);
    }
  };
  const leftovers = (): Incomplete[] => {
    for (const [key, entry] of waiting) drop(key, entry);
    return [...dropped.values()];
  };
  return { take, forget, leftovers };
}
