/**
 * Folders of tests: those of a test file are gone when its tests are over (tests/support/setup.ts), or the process is.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onExit } from "signal-exit";

const made: string[] = [];
onExit(removeTestFolders);

/** A new empty folder in the temp folder. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-test-"));
  made.push(folder);
  return folder;
}

/** Removes all folders that this process made so far. */
export function removeTestFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
