/** Plants known porting bugs in the TypeScript engine and compares what is found with the committed record. */
import { dirname } from "node:path";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import type { KnownFault } from "../../harness/engine/faults.ts";
import { loadFaults } from "../../harness/engine/faults.ts";
import { runAny } from "../../harness/golden/kinds.ts";
import { plant } from "../../harness/selftest/faults.ts";
import type { FaultRecord } from "../../harness/selftest/record.ts";
import { figuresOf, readRecord } from "../../harness/selftest/record.ts";
import { livePool } from "./live.ts";

const cases = await loadCases(standardFolders.cases);

/** Every fault of the catalogue, and what the record says of each. */
export const faults = await loadFaults();
export const record = readRecord(dirname(faults[0]!.spec.module));

/** One fault of each category: the first whose cause is found, since a search that finds none takes longest. */
export const oneOfEach = [...Map.groupBy(faults, ({ category }) => category).values()].map(
  (all) => all.find(({ id }) => record.get(id)?.rating === "right") ?? all[0]!,
);

/** Every other of the remaining faults: two test files share them, so that two cores are busy to the end. */
export function inHalf(half: "even" | "odd"): KnownFault[] {
  const rest = faults.filter((fault) => !oneOfEach.includes(fault));
  return rest.filter((_, place) => place % 2 === (half === "even" ? 0 : 1));
}

/** The part of a fault's result that is compared with the record. */
interface Finding {
  readonly status: string;
  readonly site: string | null;
  readonly phase: string | null;
  /**
   * The rating of the cause, without its rank: which of several causes that fit to within rounding stands first depends
   * on hundredths of the noise, and another processor has another order.
   */
  readonly cause: "named" | "wrong" | "unexplained";
}

/** Plants a fault and looks for it: there is time for the whole search, however slow the machine is. */
export async function find(fault: KnownFault): Promise<Finding> {
  const { status, ...found } = figuresOf(fault, await runAny(livePool!, plant(fault, cases), { explain: 3600 }));
  return { status, ...comparable(found) };
}

/** The finding that the record has of a fault, which is at its exact site. */
export function recorded({ id }: KnownFault): Finding {
  return { status: "exact", ...comparable(record.get(id)!) };
}

function comparable({ site, phase, rating }: FaultRecord): Omit<Finding, "status"> {
  return { site, phase, cause: rating === "right" || rating === "listed" ? "named" : rating };
}
