import type { Need } from "../verdict/change.ts";
import type { Hole, HoleReason, Power } from "../verdict/explanation.ts";
import { withoutLayer } from "../trace/site.ts";

/** A likely change of the reference at one place, and how visible a case makes it. */
export interface Visibility extends Omit<Hole, "reason"> {
  /** Properties that the inputs must have for the change to show. */
  readonly needs: readonly Need[];
  /** Largest distance from the reference over all phases, in noise units. */
  readonly ratio: number;
}

/** The properties of a case's inputs that give the reasons of its holes. */
export interface InputFacts {
  readonly longest: number;
  readonly sequences: number;
  readonly padded: boolean;
  readonly decodes: boolean;
  readonly chunked: boolean;
  readonly media: boolean;
}

/** Largest ratio at which a change that depends on the inputs counts as having made no difference. */
const hardlyMoved = 2;

/** The key of a change, which is the same in all layers and cases. */
export function changeKey({ site, id }: Pick<Visibility, "site" | "id">): string {
  return `${withoutLayer(site)} ${id}`;
}

/** The share of likely changes that a case tells from the reference, and the others with a reason each. */
export function summarisePower(changes: readonly Visibility[], limit: number, facts: InputFacts): Power {
  const best = new Map<string, Visibility>();
  for (const change of changes) {
    const known = best.get(changeKey(change));
    if (!known || change.ratio > known.ratio) best.set(changeKey(change), change);
  }
  const holes = [...best.values()].filter(({ ratio }) => !(ratio > limit));
  return {
    seen: best.size - holes.length,
    total: best.size,
    holes: holes.map(({ needs, ratio, ...rest }) => ({ ...rest, reason: reasonFor(needs, ratio, facts) })),
  };
}

/** Unites the power of several cases: a change counts as seen when one of them sees it. */
export function unitePower(cases: readonly (readonly Visibility[])[], limit: number, facts: InputFacts): Power {
  return summarisePower(cases.flat(), limit, facts);
}

function reasonFor(needs: readonly Need[], ratio: number, facts: InputFacts): HoleReason {
  const lacking = needs.find((need) => !has(need, facts));
  const hardly = ratio < hardlyMoved;
  if (lacking && hardly) return { kind: "inputs lack", what: lacking, longest: facts.longest };
  // What depends on the inputs alone either moves the site or does not: so little is the noise of another order of
  // sums.
  if (ratio === 0 || (needs.length > 0 && hardly)) return { kind: "no difference" };
  return { kind: "below rounding", ratio };
}

/**
 * True when the inputs have what a change needs. That a change of the window was not seen says that no query reaches
 * it.
 */
function has(need: Need, { padded, sequences, chunked, decodes, media }: InputFacts): boolean {
  return {
    padding: padded,
    "second sequence": sequences > 1,
    window: false,
    cache: chunked || decodes,
    media,
  }[need];
}
