/** Ends a night: the line that closes it, and what changed since earlier nights. */
import { spawnSync } from "node:child_process";
import type { Changes, Moved } from "./history/changes.ts";
import { compareNights, findRegressions, medianNights } from "./history/changes.ts";
import type { History } from "./history/index-file.ts";
import { journalPath } from "./history/index-file.ts";
import type { Night } from "./history/journal.ts";
import type { Asked, NightLine, ResultLine } from "./history/record.ts";
import { historyVersion, isGreen } from "./history/record.ts";
import { openStore } from "./history/store.ts";
import type { OpenNight } from "./folder.ts";
import { harnessIdentity } from "./key.ts";
import { scopeOf } from "./plan.ts";

/** The end of a night: its line and results in the history, with what changed. */
export interface NightEnd extends Night {
  /** The changes since the last green night of the same scope; null where there is none. */
  readonly since: { readonly night: NightLine; readonly changes: Changes } | null;
  readonly regressions: readonly Moved[];
  /** The file of the history that it was written to. */
  readonly file: string;
  /** Path of the verdict of a key, for results that are not as expected. */
  verdictPath(key: string): string;
}

/** The line that closes a night. */
export function closingLine(options: {
  readonly open: Pick<OpenNight, "night" | "started">;
  readonly asked: Asked;
  readonly results: readonly ResultLine[];
  readonly commit: NightLine["commit"];
}): NightLine {
  const { open, asked, results, commit } = options;
  const seconds = results.reduce((sum, result) => sum + (result.measured === open.night ? result.seconds : 0), 0);
  return {
    kind: "night",
    schema: historyVersion,
    night: open.night,
    scope: scopeOf(asked),
    asked,
    started: open.started,
    seconds: Math.round(seconds * 10) / 10,
    commit,
    harness: harnessIdentity(),
    results: results.length,
    green: isGreen(results),
  };
}

/** A night of the history with what changed: since the last green one, and against the median of the last ones. */
export function endOf(history: History, { folder, night }: { folder: string; night: NightLine }): NightEnd {
  const results = history.results(night.night);
  const green = history.lastGreen(night);
  return {
    night,
    results,
    since: green && { night: green, changes: compareNights(results, history.results(green.night)) },
    regressions: findRegressions(results, (result) => history.earlier(result, medianNights)),
    file: journalPath(folder),
    verdictPath: openStore(folder).verdictPath,
  };
}

/** The commit that stands where this runs, and whether files differ from it; null outside of a repository. */
export function readCommit(): NightLine["commit"] {
  const git = (...args: string[]) => spawnSync("git", args, { encoding: "utf8" });
  const head = git("rev-parse", "HEAD");
  if (head.status !== 0) return null;
  return { id: head.stdout.trim(), dirty: git("status", "--porcelain", "--untracked-files=no").stdout.trim() !== "" };
}
