/**
 * Smaller versions of a failing case, as a search tries them: every shrinker asks, is told yes or no, and goes on from
 * the smallest that still fails. Pure.
 */
import type { Case } from "../../case/case.ts";
import { shrinkLayers, shrinkParts, shrinkSizes, shrinkVocabulary } from "./config.ts";
import { shrinkMedia } from "./media.ts";
import { shrinkPhases, shrinkRows, shrinkTokens } from "./sequence.ts";
import type { Shrinker } from "./subject.ts";

/**
 * The shrinkers of a case, first what makes later attempts fastest. With real weights the config has to stay as it is.
 */
export function shrinkers({ checkpoint }: Pick<Case, "checkpoint">): readonly Shrinker[] {
  const inputs = [shrinkPhases, shrinkRows, shrinkMedia];
  if (checkpoint !== undefined) return [...inputs, shrinkTokens];
  return [...inputs, shrinkParts, shrinkLayers, shrinkTokens, shrinkSizes, shrinkVocabulary];
}
