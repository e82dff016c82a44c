import type { EngineIdentity } from "../verdict/schema.ts";
import { maxRatio } from "../verdict/numbers.ts";
import { tapKey } from "../trace/site.ts";
import type { Golden, GoldenSite } from "./format/schema.ts";
import type { ShapesGolden } from "./format/shapes.ts";
import { projectedDistance } from "./format/sketch.ts";

/** A difference in one place from one golden to another. */
export interface Change {
  readonly place: string;
  readonly from: string;
  readonly to: string;
}

/**
 * The changes from one golden of a case to another. Places are "site in phase", in the order in which they are
 * computed.
 */
export interface GoldenDiff {
  readonly case: string;
  /** Versions and checksums. */
  readonly head: readonly Change[];
  /** Places, and tensors of the checkpoint, that only one of the two has. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Shapes, dtypes, and whether values are exact. */
  readonly kinds: readonly Change[];
  /** Values that must be bit-equal and are other ones. */
  readonly bits: readonly string[];
  /** Sites whose values moved, with the distance from what they were, in noise units. */
  readonly moved: readonly { readonly place: string; readonly ratio: number }[];
  /** The reference's noise, as a multiple of what it was. */
  readonly noise: readonly { readonly place: string; readonly factor: number }[];
  /** Places that both have. */
  readonly compared: number;
}

/** Values that moved by less are the same: both goldens round to 1/4 of the noise unit. */
const sameWithin = 0.25;

/** The reference's noise may vary by this factor, as kernels and machines do. */
const noiseVaries = 1.5;

/** Compares two goldens of a case. */
export function diffGoldens(before: Golden, after: Golden): GoldenDiff {
  const [old, fresh] = [placesOf(before.sites), placesOf(after.sites)];
  const shared = [...fresh].flatMap(([place, site]) => {
    const was = old.get(place);
    return was ? [{ place, was, now: site }] : [];
  });
  const [oldTensors, freshTensors] = [before, after].map(({ tensors }) => new Map(tensors.map(namedTensor)));
  const alike = shared.filter(({ was, now }) => kindOf(was) === kindOf(now));
  const sketched = alike.filter(({ was, now }) => was.projection && now.projection);
  return {
    case: after.case,
    head: changes([...headOf(before)], new Map(headOf(after))),
    added: [...onlyIn(freshTensors!, oldTensors!), ...onlyIn(fresh, old)],
    removed: [...onlyIn(oldTensors!, freshTensors!), ...onlyIn(old, fresh)],
    kinds: [
      ...changes([...oldTensors!], freshTensors!),
      ...shared
        .map(({ place, was, now }) => ({ place, from: kindOf(was), to: kindOf(now) }))
        .filter(({ from, to }) => from !== to),
    ],
    bits: alike.filter(({ was, now }) => was.checksum !== now.checksum).map(({ place }) => place),
    moved: sketched
      .map(({ place, was, now }) => ({ place, ratio: distance(was, now) }))
      .filter(({ ratio }) => !(ratio <= sameWithin)),
    noise: sketched
      .map(({ place, was, now }) => ({ place, factor: (now.noise ?? 0) / (was.noise || Number.MIN_VALUE) }))
      .filter(({ factor }) => !(factor <= noiseVaries && factor >= 1 / noiseVaries)),
    compared: shared.length,
  };
}

/** Compares two recordings of the shapes of a config; a config field that is read counts as a place. */
export function diffShapes(name: string, before: ShapesGolden, after: ShapesGolden): GoldenDiff {
  const [old, fresh] = [before, after].map(
    ({ sites, tensors, reads }) =>
      new Map([
        ...tensors.map((tensor) => namedTensor([tensor.name, tensor.shape])),
        ...sites.map(([site, dtype, first, second]) => [site, `${dtype} [${first}] [${second}]`] as const),
        ...reads.map(([scope, field]) => [`${field} read in ${scope}`, ""] as const),
      ]),
  );
  return {
    ...{ case: name, bits: [], moved: [], noise: [] },
    head: changes(identityOf(before.reference), new Map(identityOf(after.reference))),
    added: onlyIn(fresh!, old!),
    removed: onlyIn(old!, fresh!),
    kinds: changes([...old!], fresh!),
    compared: [...old!.keys()].filter((place) => fresh!.has(place)).length,
  };
}

/** True when two goldens say the same. */
export function isSame({ head, added, removed, kinds, bits, moved, noise }: GoldenDiff): boolean {
  return [head, added, removed, kinds, bits, moved, noise].every(({ length }) => length === 0);
}

function placesOf(sites: readonly GoldenSite[]): Map<string, GoldenSite> {
  const keys = new Map(sites.map((site) => [tapKey(site.phase, site.site), site]));
  return new Map([...keys.values()].map((site) => [`${site.site} in ${site.phase}`, site]));
}

function kindOf({ dtype, shape, projection }: GoldenSite): string {
  return `${dtype} [${shape}]${projection ? "" : " exact"}`;
}

function namedTensor([name, shape]: readonly [string, readonly number[]]): [string, string] {
  return [`tensor ${name}`, `[${shape}]`];
}

function* headOf({ reference, generator, seed, checksums }: Golden): Generator<[string, string]> {
  yield* identityOf(reference);
  yield ["generator", `${generator}`];
  yield ["seed", `${seed}`];
  for (const [what, hash] of Object.entries(checksums)) yield [what, hash.slice(0, 12)];
}

function identityOf({ name, version, versions }: EngineIdentity): [string, string][] {
  return [...new Map([[name, version], ...Object.entries(versions)] as [string, string][])];
}

function changes(before: Iterable<readonly [string, string]>, after: ReadonlyMap<string, string>): Change[] {
  return [...before].flatMap(([place, from]) => {
    const to = after.get(place);
    return to === undefined || to === from ? [] : [{ place, from, to }];
  });
}

function onlyIn(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] {
  return [...one.keys()].filter((place) => !other.has(place));
}

/** Distance of two sketches in the noise of the first. Where one is longer, its first numbers are the shorter one. */
function distance(was: GoldenSite, now: GoldenSite): number {
  const size = Math.min(was.projection!.length, now.projection!.length);
  const [a, b] = [was, now].map(({ projection }) => projection!.subarray(0, size));
  const error = projectedDistance(a!, b!);
  if (error === 0) return 0;
  const ratio = error / (was.noise || Number.MIN_VALUE);
  return ratio <= maxRatio ? ratio : maxRatio; // also what is not a number
}
