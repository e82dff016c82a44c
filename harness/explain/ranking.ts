import type { Counterfactual, ErrorReading, Explanation } from "../verdict/explanation.ts";

/** A counterfactual with how the engine's tensor was judged against it. */
export interface Judged extends Omit<Counterfactual, "ratio" | "phases" | "not_in" | "evidence"> {
  /** Per phase: is the engine within noise of the changed reference, and how far is it. */
  readonly phases: readonly { readonly phase: string; readonly agrees: boolean; readonly ratio: number }[];
}

/** Explanations that a verdict carries. */
const shown = 5;

/**
 * Keeps the counterfactuals that the engine agrees with in the failing phases, simplest first: one change before two, everywhere before in a part
 * of the tensor, in all phases before in some.
 */
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
    .toSorted(
      (a, b) =>
        cost(a) - cost(b) ||
        Number(isUnread(b, unread)) - Number(isUnread(a, unread)) ||
        worst(a, failing) - worst(b, failing),
    );
  // Where there is a cause, a description adds nothing.
  const causes = explaining.filter((one) => !isPattern(one));
  const candidates = (causes.length > 0 ? causes : explaining).slice(0, shown).map(({ phases, ...rest }) => ({
    ...rest,
    ...(isUnread(rest, unread) && { evidence: `the engine never reads ${unreadFields(rest, unread).join(", ")}` }),
    ratio: worst({ phases, ...rest }, failing),
    phases: phases.filter(({ agrees }) => agrees).map(({ phase }) => phase),
    not_in: phases.filter(({ agrees }) => !agrees).map(({ phase }) => phase),
  }));
  const rivals = explaining.filter((one) => cost(one) === cost(explaining[0]!)).length;
  return {
    status: conclude(explaining[0], rivals),
    tried,
    ratio,
    candidates,
    seconds,
    ...(causes.length === 0 && reading && { reading }),
  };
}

/** Config fields that the engine never reads and the change, or the reference's line, names. */
function unreadFields({ sentence, source }: Pick<Judged, "sentence" | "source">, unread: readonly string[]): string[] {
  const words = new Set(`${sentence} ${source}`.split(/[^\w]+/));
  return unread.filter((field) => words.has(field.split(".").at(-1)!));
}

function isUnread(one: Pick<Judged, "sentence" | "source">, unread: readonly string[]): boolean {
  return unreadFields(one, unread).length > 0;
}

function conclude(first: Judged | undefined, rivals: number): Explanation["status"] {
  if (!first) return "unexplained";
  if (isPattern(first)) return "pattern";
  return rivals > 1 ? "ambiguous" : "explained";
}

/** A description with as many free numbers as an axis is long: it says what the error is like, not where it comes from. */
function isPattern({ category }: Judged): boolean {
  return category === "pattern";
}

/** True when the engine agrees in the first failing phase, and in every other where the change could be made. */
function explains({ phases }: Judged, failing: readonly string[]): boolean {
  const made = phases.filter(({ phase }) => failing.includes(phase));
  return made.some(({ phase }) => phase === failing[0]) && made.every(({ agrees }) => agrees);
}

/** Assumptions that a counterfactual makes beyond one change that holds everywhere. */
function cost(one: Judged): number {
  const { id, phases } = one;
  const inSomePhases = phases.some(({ agrees }) => !agrees);
  // Fitted to each phase anew, or with two free numbers; `~` marks a fitted number without a name.
  const free = /~|from elsewhere|rows of siblings|affine|another matrix/.test(id);
  return (
    (isPattern(one) ? 4 : 0) +
    (free ? 1 : 0) +
    (id.includes(" + ") ? 2 : 0) +
    (id.includes(" [") ? 1 : 0) +
    (inSomePhases ? 1 : 0)
  );
}

function worst({ phases }: Judged, failing: readonly string[]): number {
  return Math.max(...phases.filter(({ phase }) => failing.includes(phase)).map(({ ratio }) => ratio));
}
