import type { PhaseSpec, Result } from "../engine/protocol.ts";

/** The phases that an engine can run, and of the others why it can't, by name. */
export interface PossiblePhases {
  readonly possible: readonly PhaseSpec[];
  readonly impossible: ReadonlyMap<string, string>;
}

/** Tells phases that an engine's capabilities allow from those that they don't, and from those that continue one that can't be run. */
export function possiblePhases(
  phases: readonly PhaseSpec[],
  { cache, fork }: Pick<Result<"hello">["capabilities"], "cache" | "fork">,
): PossiblePhases {
  const impossible = new Map<string, string>();
  let latest: string | undefined;
  const whyNot = ({ cache: cached, start, from }: PhaseSpec): string | undefined => {
    if (!cached) return undefined;
    if (!cache && start > 0) return "the engine keeps no cache between phases (capability cache)";
    if (from !== undefined && !fork) return `the engine can't go back to its cache after ${from} (capability fork)`;
    const before = from ?? latest;
    return before !== undefined && impossible.has(before) ? `the engine can't run ${before} before it` : undefined;
  };
  for (const phase of phases) {
    const reason = whyNot(phase);
    if (reason !== undefined) impossible.set(phase.name, reason);
    if (phase.cache) latest = phase.name;
  }
  return { possible: phases.filter(({ name }) => !impossible.has(name)), impossible };
}
