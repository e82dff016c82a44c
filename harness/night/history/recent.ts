import { existsSync } from "node:fs";
import { UsageError } from "../../trace/errors.ts";
import { journalPath, openHistory } from "./index-file.ts";
import type { ResultLine } from "./record.ts";

/** Nights that a report shows. */
const nightsShown = 60;

/**
 * The results of the latest nights in a folder of `lockstep nightly`, oldest first. @throws UsageError when there is no
 * history in it.
 */
export function recentResults(folder: string): ResultLine[] {
  if (!existsSync(journalPath(folder)))
    throw new UsageError(`--history ${folder}: no history there; expected the folder that lockstep nightly writes`);
  using history = openHistory(folder);
  return history
    .nights()
    .slice(-nightsShown)
    .flatMap(({ night }) => history.results(night));
}
