import type { Explanation } from "../verdict/explanation.ts";
import { renderVerdict } from "../report/terminal.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { plant } from "../selftest/faults.ts";
import { faultFolders, loadFaults, selectFaults } from "../engine/faults.ts";
import { runCase } from "../run/live.ts";
import type { Figure } from "./figures.ts";
import { spellTime } from "./figures.ts";

/** One fault of every kind of search: a number, a mask, a tensor of the cache, and one that nothing explains. */
const looked = ["llamacpp-gemma27b-scale", "mlx-swa-offbyone", "cache-stores-k-before-rope", "mvlm-bicubic"];

const rounds = 3;

/** Measures the search for the cause at one culprit, engines warm: the verdict's own figure, median of three runs. */
export async function* benchExplain(pool: EnginePool, cases: readonly Case[], folder: string): AsyncGenerator<Figure> {
  for (const fault of selectFaults(await loadFaults(faultFolders(folder)), looked)) {
    const searches: Explanation[] = [];
    for (let round = 0; round < rounds; round++) {
      const verdict = await runCase(pool, plant(fault, cases));
      const { explanation } = verdict.culprit ?? {};
      if (!explanation) throw new Error(renderVerdict(verdict));
      searches.push(explanation);
    }
    const median = searches.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(rounds / 2)]!;
    yield {
      section: "explain",
      what: `${fault.id}: ${median.status}`,
      value: spellTime(median.seconds * 1000),
      from: `${median.tried.toLocaleString("en-US")} changes tried at one culprit`,
    };
  }
}
