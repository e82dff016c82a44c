/** Known porting bugs, planted in the TypeScript engine, against what the committed record says of them. */
import { dirname } from "node:path";
import { loadCases, standardFolders } from "../../harness/case/discover.ts";
import type { KnownFault } from "../../harness/engine/faults.ts";
import { loadFaults } from "../../harness/engine/faults.ts";
import { runAny } from "../../harness/golden/kinds.ts";
import { plant } from "../../harness/selftest/faults.ts";
import type { FaultFigures } from "../../harness/selftest/record.ts";
import { figuresOf, readRecord } from "../../harness/selftest/record.ts";
import { livePool } from "./live.ts";

const cases = await loadCases(standardFolders.cases);

/** Every fault of the catalogue, and what the record says of each. */
export const faults = await loadFaults();
export const record = readRecord(dirname(faults[0]!.spec.module));

/** One fault of each category. */
export const oneOfEach = [...Map.groupBy(faults, ({ category }) => category).values()].map(([first]) => first!);

/** Plants a fault and looks for it: there is time for the whole search, however slow the machine is. */
export async function find(fault: KnownFault): Promise<FaultFigures> {
  return figuresOf(fault, await runAny(livePool!, plant(fault, cases), { explain: 3600 }));
}
