/** Shares of a night for several machines that do not talk to each other. Pure. */
import { median } from "./history/changes.ts";
import { UsageError } from "../trace/errors.ts";

/** One share of how many, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Reads `2/3`. @throws UsageError */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (!(shard.index >= 1 && shard.index <= shard.count))
    throw new UsageError(`--shard: expected <i>/<n> with i from 1 to n, such as 2/3, found ${text}`);
  return shard;
}

/**
 * Deals items out so that all shares take about the same time: the longest first, each to the share with the least so
 * far. An item without a record counts as the median of those with one; with no record at all every item counts the
 * same. Items keep their order within a share; the same items and records give the same shares anywhere.
 */
export function dealOut<Item>(items: readonly Item[], count: number, seconds: (item: Item) => number | null): Item[][] {
  const recorded = items.map(seconds);
  const known = recorded.filter((value) => value !== null);
  const usual = known.length > 0 ? median(known) : 1;
  const loads = new Array<number>(count).fill(0);
  const shares = new Array<number>(items.length);
  const longestFirst = recorded
    .map((value, place) => ({ place, value: Math.max(value ?? usual, Number.MIN_VALUE) }))
    .toSorted((a, b) => b.value - a.value || a.place - b.place);
  for (const { place, value } of longestFirst) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least]! += value;
    shares[place] = least;
  }
  return loads.map((_, share) => items.filter((__, place) => shares[place] === share));
}
