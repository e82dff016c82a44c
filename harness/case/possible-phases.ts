import type { Result } from "../engine/protocol.ts";
import type { PhaseSpec } from "../engine/specs.ts";
import type { Unjudged } from "../verdict/site.ts";

/** The phases that an engine can run, and of the others why it can't, by name. */
export interface PossiblePhases {
  readonly possible: readonly PhaseSpec[];
  readonly impossible: ReadonlyMap<string, Unjudged>;
}

/**
 * Tells phases that an engine's capabilities allow from those that they don't, and from those that continue one that
 * can't be run.
 */
export function possiblePhases(
  phases: readonly PhaseSpec[],
  { cache, fork }: Pick<Result<"hello">["capabilities"], "cache" | "fork">,
): PossiblePhases {
  const impossible = new Map<string, Unjudged>();
  let latest: string | undefined;
  const whyNot = ({ cache: cached, start, from }: PhaseSpec): Unjudged | undefined => {
    const lacking = (lacks: "cache" | "fork" | "an earlier phase", before: string | null): Unjudged => ({
      kind: "phase impossible",
      lacks,
      before,
    });
    if (!cached) return undefined;
    if (!cache && start > 0) return lacking("cache", null);
    if (from !== undefined && !fork) return lacking("fork", from);
    const before = from ?? latest;
    return before !== undefined && impossible.has(before) ? lacking("an earlier phase", before) : undefined;
  };
  for (const phase of phases) {
    const reason = whyNot(phase);
    if (reason !== undefined) impossible.set(phase.name, reason);
    if (phase.cache) latest = phase.name;
  }
  return { possible: phases.filter(({ name }) => !impossible.has(name)), impossible };
}
