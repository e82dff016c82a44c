import type { TapBatch } from "../engine/process.ts";
import type { Site } from "../trace/site.ts";
import { tapKey } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";

/** A tap together with the side it came from. */
type Side = "engine" | "reference" | "oracle";

/** One site in one phase with what each side has sent of it. */
export interface Group {
  readonly site: Site;
  readonly phase: string;
  /** Position among the taps of the side that sets the order: the reference where there is one. */
  order: number;
  readonly sides: Partial<Record<Side, RawTensor>>;
}

/** The tensors of a group that has not been completed for this many rounds are let go: memory stays O(one layer). */
const roundsKept = 12;

interface Waiting {
  readonly group: Group;
  readonly since: number;
}

/** What is left when all streams have ended. */
export interface Leftovers {
  /** Sites, as phase and site, that only some sides sent; tensors are gone. */
  readonly incomplete: readonly (Omit<Group, "sides"> & { readonly sides: readonly Side[] })[];
}

/**
 * Merges the taps of several runs by site and phase. Pulls one batch from each side in turn, so that no side runs more than a
 * few layers ahead, and calls `complete` as soon as every side has sent a site.
 * @throws whatever a stream throws; the other streams are cancelled first.
 */
export async function mergeTaps(
  streams: Readonly<Partial<Record<Side, AsyncGenerator<TapBatch, unknown>>>>,
  complete: (group: Group) => "go on" | "stop",
): Promise<Leftovers> {
  const open = new Map(Object.entries(streams) as [Side, AsyncGenerator<TapBatch, unknown>][]);
  const sideCount = open.size;
  const waiting = new Map<string, Waiting>();
  const dropped = new Map<string, { site: Site; phase: string; order: number; sides: Set<Side> }>();
  const leader: Side = streams.reference ? "reference" : "engine";
  let order = 0;
  let stopped = false;

  const drop = (key: string, { group }: Waiting): void => {
    waiting.delete(key);
    dropped.set(key, { ...group, sides: new Set(Object.keys(group.sides) as Side[]) });
  };
  const take = (side: Side, batch: TapBatch, round: number): void => {
    for (const { site, tensor } of batch.taps) {
      const key = tapKey(batch.phase, site);
      const late = dropped.get(key);
      if (late) {
        late.sides.add(side);
        if (side === leader) late.order = order++;
        continue;
      }
      const entry = waiting.get(key) ?? { group: { site, phase: batch.phase, order: -1, sides: {} }, since: round };
      entry.group.sides[side] = tensor;
      if (side === leader) entry.group.order = order++;
      if (Object.keys(entry.group.sides).length < sideCount) waiting.set(key, entry);
      else {
        waiting.delete(key);
        if (complete(entry.group) === "stop") stopped = true;
      }
    }
  };

  try {
    for (let round = 0; open.size > 0 && !stopped; round++) {
      for (const [side, stream] of [...open]) {
        const next = await stream.next();
        if (next.done) open.delete(side);
        else take(side, next.value, round);
      }
      for (const [key, entry] of waiting) {
        if (entry.since + roundsKept > round) break; // in order of arrival
        drop(key, entry);
      }
    }
  } finally {
    await Promise.allSettled([...open.values()].map((stream) => stream.return(undefined)));
  }
  for (const [key, entry] of waiting) drop(key, entry);
  return { incomplete: [...dropped.values()].map((group) => ({ ...group, sides: [...group.sides] })) };
}
