/** Likely faults that a case would miss, put together: one entry for the same fault in many places. */
import type { Hole } from "../../verdict/explanation.ts";
import { changeText, holeReasonText } from "../../verdict/words/change.ts";
import { layerOf, parseSite, withoutLayer } from "../../trace/site.ts";

/** Places of one kind: `model.layers.*.mlp:out` and the layers, none for a site outside of layers. */
export interface HolePlaces {
  readonly kind: string;
  readonly layers: readonly number[];
}

/** The reason why a fault would be missed, and the sites where it would be. */
export interface HoleReason {
  readonly reason: string;
  readonly places: readonly HolePlaces[];
}

/** One fault and everywhere it would be missed. */
export interface HoleEntry {
  readonly sentence: string;
  readonly reasons: readonly HoleReason[];
}

/** One category; `count` holes in it. */
export interface HoleGroup {
  readonly category: string;
  readonly count: number;
  readonly entries: readonly HoleEntry[];
}

/** Categories with most holes first; in each, faults in the order in which they first occur. */
export function groupHoles(holes: readonly Hole[]): HoleGroup[] {
  return [...Map.groupBy(holes, ({ category }) => category)]
    .map(([category, members]) => ({ category, count: members.length, entries: entriesOf(members) }))
    .toSorted((left, right) => right.count - left.count);
}

function entriesOf(holes: readonly Hole[]): HoleEntry[] {
  return [...Map.groupBy(holes, changeText)].map(([sentence, same]) => ({
    sentence,
    reasons: [...Map.groupBy(same, ({ reason }) => holeReasonText(reason))].map(([reason, of]) => ({
      reason,
      places: placesOf(of),
    })),
  }));
}

function placesOf(holes: readonly Hole[]): HolePlaces[] {
  return [...Map.groupBy(holes, ({ site }) => withoutLayer(site))].map(([kind, of]) => {
    const layers = of.map(({ site }) => layerOf(parseSite(site).module)).filter((layer) => layer !== null);
    // A single place keeps its full name.
    return of.length === 1 ? { kind: of[0]!.site, layers: [] } : { kind, layers: [...new Set(layers)] };
  });
}
