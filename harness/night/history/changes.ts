/** Finds what changed between two nights, and what moved below the limit. Pure. */
import type { NightLine, ResultLine } from "./record.ts";
import { listedFrom, seriesOf } from "./record.ts";

/** A ratio that has grown by this factor, or shrunk, has moved. */
export const movedBy = 2;

/**
 * A ratio below this, in noise units, moves by chance. `movedBy * listedFrom`: sites that are not listed need no
 * numbers.
 */
export const floor = movedBy * listedFrom;

/** Nights that a median is taken over. */
export const medianNights = 10;

/** A site whose ratio is not what it was. */
export interface Moved {
  readonly result: ResultLine;
  readonly site: string;
  /** The ratio before, in noise units; `listedFrom` stands for anything up to it. */
  readonly before: number;
  readonly now: number;
  /** Nights whose median `before` is; absent where it is the last green night's own. */
  readonly nights?: number;
}

/** A version that is not what it was. */
export interface VersionChange {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A night against an earlier one. */
export interface Changes {
  readonly versions: readonly VersionChange[];
  /** Results that are no longer, or again, as expected. */
  readonly turned: readonly { readonly now: ResultLine; readonly before: ResultLine }[];
  /** Sites of results that were as expected both times: twice or half the ratio of the earlier night. */
  readonly moved: readonly Moved[];
  /** Results that only one of the nights has. */
  readonly appeared: readonly ResultLine[];
  readonly gone: readonly ResultLine[];
}

/** A night's results against those of an earlier night. */
export function compareNights(now: readonly ResultLine[], before: readonly ResultLine[]): Changes {
  const known = new Map(
    before.flatMap((result) => result.reference.roles.map((role) => [seriesOf(result, role), result])),
  );
  const pairs = now.map((result) => ({ now: result, before: partner(result, known) }));
  const both = pairs.filter((pair): pair is { now: ResultLine; before: ResultLine } => pair.before !== undefined);
  const kept = new Set(both.map((pair) => pair.before));
  return {
    versions: changedVersions(now, before),
    turned: both.filter((pair) => pair.now.met !== pair.before.met || pair.now.status !== pair.before.status),
    moved: both.filter((pair) => pair.now.met && pair.before.met).flatMap((pair) => movedSites(pair.now, pair.before)),
    appeared: pairs.filter((pair) => pair.before === undefined).map((pair) => pair.now),
    gone: before.filter((result) => !kept.has(result)),
  };
}

function partner(result: ResultLine, known: ReadonlyMap<string, ResultLine>): ResultLine | undefined {
  return result.reference.roles.map((role) => known.get(seriesOf(result, role))).find((found) => found !== undefined);
}

function movedSites(now: ResultLine, before: ResultLine): Moved[] {
  const sites = new Set([...Object.keys(now.sites), ...Object.keys(before.sites)]);
  return [...sites]
    .map((site) => ({
      result: now,
      site,
      before: before.sites[site] ?? listedFrom,
      now: now.sites[site] ?? listedFrom,
    }))
    .filter((moved) => Math.max(moved.now, moved.before) >= floor && movedFactor(moved) >= movedBy);
}

function movedFactor({ now, before }: Pick<Moved, "now" | "before">): number {
  return Math.max(now / before, before / now);
}

/**
 * Sites of results that still pass, with at least twice the median ratio of the nights before, and above the floor.
 * `earlier` are the results of the same series that passed, at most `medianNights` of them.
 */
export function findRegressions(
  results: readonly ResultLine[],
  earlier: (result: ResultLine) => readonly ResultLine[],
): Moved[] {
  return results
    .filter(({ status, sites }) => status === "pass" && Object.values(sites).some((ratio) => ratio >= floor))
    .flatMap((result) => {
      const nights = earlier(result).slice(0, medianNights);
      if (nights.length === 0) return [];
      return Object.entries(result.sites)
        .map(([site, now]) => ({
          result,
          site,
          now,
          before: median(nights.map(({ sites }) => sites[site] ?? listedFrom)),
        }))
        .filter(({ now, before }) => now >= Math.max(floor, movedBy * before))
        .map((moved) => ({ ...moved, nights: nights.length }));
    });
}

/** The middle of some numbers, of an even count the mean of both; not-a-number of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Versions by the name that people know them by: of an engine, of the reference in a role. */
function versionsOf(results: readonly ResultLine[]): Map<string, string> {
  const versions = new Map<string, string>();
  for (const { engine, reference, versions: own } of results) {
    for (const [name, version] of Object.entries(own.engine)) versions.set(`${engine}: ${name}`, version);
    for (const role of reference.roles)
      for (const [name, version] of Object.entries(own.reference)) versions.set(`${role} reference: ${name}`, version);
  }
  return versions;
}

function changedVersions(now: readonly ResultLine[], before: readonly ResultLine[]): VersionChange[] {
  const [mine, theirs] = [versionsOf(now), versionsOf(before)];
  return [...mine]
    .filter(([name, version]) => theirs.has(name) && theirs.get(name) !== version)
    .map(([name, to]) => ({ name, from: theirs.get(name)!, to }));
}

/** The last night of a history, or the one of this name. */
export function chooseNight(nights: readonly NightLine[], name: string | undefined): NightLine | undefined {
  return name === undefined ? nights.at(-1) : nights.find(({ night }) => night === name);
}
