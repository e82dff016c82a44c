/**
 * The one vocabulary of functional sites (`...self_attn#q_rope`) and caches: what each axis of their tensors runs over,
 * and which axes are tokens. Adding a site is a row here; engines tap it, and docs/protocol.md says what it means.
 */
import type { Site } from "./site.ts";
import { parseSite } from "./site.ts";

/** The facts about the tensor of a functional site. */
interface SiteFacts {
  /** The axes, each by the name of what it runs over. */
  readonly axes: readonly string[];
  /**
   * Axes whose padding tokens are hidden. The keys of masks and probabilities stay: whether a real token may read a
   * padding key is compared.
   */
  readonly tokenAxes: readonly number[];
}

const states: SiteFacts = { axes: ["sequence", "head", "token", "channel"], tokenAxes: [2] };

const functionalSites: Readonly<Record<string, SiteFacts>> = {
  q_rope: states,
  k_rope: states,
  value: states,
  scores: { axes: ["sequence", "head", "query", "key"], tokenAxes: [2, 3] },
  mask: { axes: ["sequence", "head", "query", "key"], tokenAxes: [2] },
  probs: { axes: ["sequence", "head", "query", "key"], tokenAxes: [2] },
  context: { axes: ["sequence", "token", "head", "channel"], tokenAxes: [1] },
};

/** Keys and values of a cache, and the states of a recurrence or convolution, which are no matter of single tokens. */
const caches: Readonly<Record<string, SiteFacts>> = { key: states, value: states };
const recurrentState: SiteFacts = { axes: [], tokenAxes: [] };

/**
 * Finds the facts about a site by its name; null for module sites, and for functional ones whose tensors are laid out
 * as those of modules.
 */
export function factsOf(site: Site): SiteFacts | null {
  const { functional, module } = parseSite(site);
  const cache = /^cache\.\d+\.(\w+)$/.exec(module);
  if (cache) return caches[cache[1]!] ?? recurrentState;
  return functional === null ? null : (functionalSites[functional] ?? null);
}

/** The functional sites of an attention core, in the order in which they are computed. */
export const attentionSites = Object.keys(functionalSites);

/**
 * Names what an axis of a site runs over. A module's tensors run over sequences, tokens, perhaps heads, and channels
 * last.
 */
export function axisName(site: Site, rank: number, axis: number): string {
  const { axes = [] } = factsOf(site) ?? {};
  if (axes.length === rank) return axes[axis]!;
  if (axis === rank - 1) return "channel";
  return ["sequence", "token", "head"][axis] ?? `axis ${axis}`;
}
