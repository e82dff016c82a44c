/**
 * Records the reasons for skipped tests: what they need and this machine does not have. The run says them at its end
 * (suite.ts).
 */
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The file of the reasons, in the temp folder of this run. */
export function missingFile(): string {
  return join(tmpdir(), "missing.txt");
}

/** True, and said at the end of the run, where `there` is false: for `describe.skipIf`. */
export function isMissing(there: boolean, reason: string): boolean {
  if (!there) appendFileSync(missingFile(), `${reason}\n`);
  return !there;
}
