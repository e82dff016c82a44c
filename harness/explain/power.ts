import type { Hole, Power } from "../verdict/explanation.ts";
import { withoutLayer } from "../trace/site.ts";

/** A likely change of the reference at one place, and how visible a case makes it. */
export interface Visibility {
  readonly site: string;
  readonly id: string;
  readonly category: string;
  readonly sentence: string;
  /** Largest distance from the reference over all phases, in noise units. */
  readonly ratio: number;
}

/** What is known of a case's inputs, for the reasons of its holes. */
export interface InputFacts {
  readonly longest: number;
  readonly sequences: number;
  readonly padded: boolean;
  readonly decodes: boolean;
  readonly chunked: boolean;
  readonly media: boolean;
}

/** One name for the same change in all layers and cases. */
export function changeKey({ site, id }: Pick<Visibility, "site" | "id">): string {
  return `${withoutLayer(site)} ${id.replaceAll(/:\d+\.-?\d+(?=\/)/g, "")}`;
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
    holes: holes.map((hole) => describeHole(hole, facts)),
  };
}

/** Several cases together: a change counts as seen when one of them sees it. */
export function unitePower(cases: readonly (readonly Visibility[])[], limit: number, facts: InputFacts): Power {
  return summarisePower(cases.flat(), limit, facts);
}

function describeHole({ site, category, sentence, ratio }: Visibility, facts: InputFacts): Hole {
  return { site, category, sentence, reason: reasonFor(category, sentence, ratio, facts) };
}

function reasonFor(category: string, sentence: string, ratio: number, facts: InputFacts): string {
  const inputs = reasonOfInputs(category, sentence, facts);
  if (inputs && ratio < 2) return inputs;
  if (ratio > 0)
    return `moves the site by ${ratio.toPrecision(2)}x noise only: below rounding, or the mathematics hides it`;
  return "makes no difference to the tensor on these inputs";
}

/** What the inputs lack, where the change is about which tokens there are. */
function reasonOfInputs(category: string, sentence: string, facts: InputFacts): string | null {
  if (category !== "mask" && category !== "positions") return null;
  if (/padding/i.test(sentence) && !facts.padded) return "no sequence is padded: add a left-padded batch";
  if (/first sequence/.test(sentence) && facts.sequences < 2) return "one sequence only: add a batch of two";
  if (/window/.test(sentence)) return `no query reaches the window: the longest input has ${facts.longest} tokens`;
  if (/earlier phases|behind the cache|in every forward/.test(sentence) && !facts.chunked && !facts.decodes)
    return "no phase continues a cache: add chunks or decode steps";
  if (/image|media|video/.test(sentence) && !facts.media) return "no media tokens: add an image";
  return category === "positions" ? "gives the same positions for these inputs" : null;
}
