import { coverHoles } from "../explain/cover.ts";
import type { Visibility } from "../explain/power.ts";
import { changeKey } from "../explain/power.ts";
import { withoutLayer } from "../trace/site.ts";
import type { Case } from "../case/case.ts";
import { powerSeed } from "../case/key.ts";
import type { EnginePool } from "../engine/pool.ts";
import { inputVariants } from "../case/input-variants.ts";
import { defaultLimit } from "./live.ts";
import type { MeasuredPower } from "./power.ts";
import { measurePower } from "./power.ts";

/** The smallest set of input changes that was found, and the holes there were. */
export interface Suggestion {
  readonly holes: number;
  readonly chosen: readonly { readonly title: string; readonly adds: number }[];
}

/**
 * Tries variants of a case's inputs on the places of its holes, and chooses the fewest that close what can be closed.
 */
export async function suggestInputs(
  pool: EnginePool,
  testCase: Case,
  { changes }: MeasuredPower,
  progress: (title: string) => void,
): Promise<Suggestion> {
  const seen = visible(changes);
  const open = changes.filter(({ ratio }) => !(ratio > defaultLimit));
  const wanted = new Set(open.map(changeKey).filter((key) => !seen.has(key)));
  const places = new Set(open.map(({ site }) => withoutLayer(site)));
  const closings = [];
  for (const { title, testCase: variant } of inputVariants(testCase, powerSeed)) {
    progress(`${testCase.name} with ${title}`);
    const measured = await measurePower(pool, variant, undefined, places);
    closings.push({ title, closes: new Set([...visible(measured.changes)].filter((key) => wanted.has(key))) });
  }
  return { holes: wanted.size, chosen: coverHoles(closings) };
}

function visible(changes: readonly Visibility[]): Set<string> {
  return new Set(changes.filter(({ ratio }) => ratio > defaultLimit).map(changeKey));
}
