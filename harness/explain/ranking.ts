/**
 * Ranks the changes of the reference that explain an engine, the likeliest first, and finds those that are as likely as
 * the first. From facts alone.
 */
import type { Change } from "../verdict/change.ts";
import type { Counterfactual, ErrorReading, Explanation } from "../verdict/explanation.ts";

/** A counterfactual with how the engine's tensor was judged against it. */
export interface Judged extends Omit<Counterfactual, "ratio" | "phases" | "not_in" | "unread"> {
  /** For each phase, whether the engine is within noise of the changed reference, and its distance from it. */
  readonly phases: readonly { readonly phase: string; readonly agrees: boolean; readonly ratio: number }[];
}

/** The candidates of an explanation by what may be said of them, best first in each group. */
export interface Candidates {
  /** The cause; null where only forms of the error fit, or nothing does. */
  readonly cause: Counterfactual | null;
  /** Other changes that assume as little as the cause: the case can't tell them apart. */
  readonly rivals: readonly Counterfactual[];
  /** Other changes that assume more: two changes at once, fitted numbers, a part of the tensor, some phases. */
  readonly lesser: readonly Counterfactual[];
  /** Forms that the error has, which say nothing of where it comes from. */
  readonly forms: readonly Counterfactual[];
}

/** Explanations that a verdict carries. */
const shown = 5;

/** Keeps the counterfactuals that the engine agrees with in the failing phases, in the order of `compareCandidates`. */
export function rankCounterfactuals(
  judged: readonly Judged[],
  facts: {
    readonly failing: readonly string[];
    readonly reading: ErrorReading | null;
    readonly unread?: readonly string[];
  } & Pick<Explanation, "tried" | "ratio" | "seconds">,
): Explanation {
  const { failing, reading, unread = [], tried, ratio, seconds } = facts;
  const explaining = judged
    .filter((one) => explains(one, failing))
    .map(({ phases, ...rest }): Counterfactual => ({
      ...rest,
      synonyms: rest.synonyms.filter(({ changes }) => !restates(changes, rest.changes)),
      unread: unreadFields(rest, unread),
      ratio: worst(phases, failing),
      phases: phases.filter(({ agrees }) => agrees).map(({ phase }) => phase),
      not_in: phases.filter(({ agrees }) => !agrees).map(({ phase }) => phase),
    }))
    .toSorted(compareCandidates);
  const distinct = explaining.filter(
    (one) => !explaining.some((other) => restates(one.changes, other.changes) && compareAssumptions(other, one) <= 0),
  );
  const { cause, rivals, forms } = sortCandidates(distinct);
  // Where there is a cause, a form of the error adds nothing.
  const candidates = (cause ? distinct.filter(({ form }) => !form) : forms).slice(0, shown);
  return {
    status: cause ? (rivals.length > 0 ? "ambiguous" : "explained") : forms.length > 0 ? "pattern" : "unexplained",
    tried,
    ratio,
    candidates,
    seconds,
    ...(!cause && reading && { reading }),
  };
}

/**
 * Sorts the candidates of an explanation into the cause, its rivals, and what is less likely. They come in the order of
 * `compareCandidates`.
 */
export function sortCandidates(candidates: readonly Counterfactual[]): Candidates {
  const forms = candidates.filter(({ form }) => form);
  const [cause = null, ...others] = candidates.filter(({ form }) => !form);
  const isRival = (other: Counterfactual): boolean => cause !== null && compareAssumptions(cause, other) === 0;
  return { cause, rivals: others.filter(isRival), lesser: others.filter((other) => !isRival(other)), forms };
}

/**
 * Orders candidates by likelihood: those that assume less; of these those that name a config field which the engine
 * never reads; of these the nearer.
 */
export function compareCandidates(one: Counterfactual, other: Counterfactual): number {
  return (
    compareAssumptions(one, other) ||
    Number(other.unread.length > 0) - Number(one.unread.length > 0) ||
    one.ratio - other.ratio
  );
}

/** Orders candidates by what they assume; 0 for two that assume as much as each other. */
function compareAssumptions(one: Counterfactual, other: Counterfactual): number {
  const theirs = assumptions(other);
  return assumptions(one).reduce((order, assumed, place) => order || assumed - theirs[place]!, 0);
}

/**
 * Counts what a candidate assumes, the heaviest first: 1 where it only describes the form of the error; its changes;
 * numbers that were fitted and have no name; only a part of the tensor, or only some of the phases.
 */
function assumptions({ form, changes, fitted, part, not_in }: Counterfactual): number[] {
  return [Number(form), changes.length, fitted, Number(part !== null) + Number(not_in.length > 0)];
}

/** True when `one` says of a whole module what `other` says of the one function that it calls. */
function restates(one: readonly Change[], other: readonly Change[]): boolean {
  const [ofModule, ...more] = one;
  const [ofFunction, ...others] = other;
  if (ofModule?.kind !== "activation" || ofFunction?.kind !== "activation") return false;
  if (more.length + others.length > 0 || ofModule.found !== ofFunction.found) return false;
  return typeof ofModule.expected !== "string" && typeof ofFunction.expected === "string";
}

/** Config fields that the engine never reads and the change, or the reference's line, names. */
function unreadFields({ about }: Pick<Judged, "about">, unread: readonly string[]): string[] {
  const named = new Set(about.map(lastName));
  return unread.filter((field) => named.has(lastName(field)));
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** True when the engine agrees in the first failing phase, and in every other where the change could be made. */
function explains({ phases }: Pick<Judged, "phases">, failing: readonly string[]): boolean {
  const made = phases.filter(({ phase }) => failing.includes(phase));
  return made.some(({ phase }) => phase === failing[0]) && made.every(({ agrees }) => agrees);
}

function worst(phases: Judged["phases"], failing: readonly string[]): number {
  return Math.max(...phases.filter(({ phase }) => failing.includes(phase)).map(({ ratio }) => ratio));
}
