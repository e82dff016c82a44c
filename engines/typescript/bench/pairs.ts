import { setTimeout } from "node:timers/promises";
import type { Figure } from "../../../harness/bench/figures.ts";
import { spellTime } from "../../../harness/bench/figures.ts";

const rounds = 15;
/** Milliseconds between torch's run and ours. */
const pause = 20;

/**
 * Measures the speed of `ours` as a multiple of torch's. Both take turns, so that what else the machine does falls on
 * both; the ratio is the median of the ratios of the pairs, after two rounds to warm up. `torch` gives milliseconds of
 * one of `times` runs.
 */
export async function againstTorch(
  ours: () => unknown,
  torch: () => Promise<number>,
  { section, what, times }: { section: string; what: string; times: number },
): Promise<Figure> {
  const [own, other, ratios] = [[], [], []] as [number[], number[], number[]];
  for (let round = -2; round < rounds; round++) {
    const theirs = await torch();
    await setTimeout(pause); // torch's threads keep their processors busy for a while after their work
    const start = performance.now();
    await ours();
    const mine = (performance.now() - start) / times;
    if (round < 0) continue;
    own.push(mine);
    other.push(theirs);
    ratios.push(theirs / mine);
  }
  const value = `${median(ratios).toFixed(2)} x torch`;
  return { section, what, value, from: `${spellTime(median(own))} and ${spellTime(median(other))}` };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
