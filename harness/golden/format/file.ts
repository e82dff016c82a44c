import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../trace/errors.ts";
import { writeWhole } from "../../trace/whole-file.ts";
import { goldenEnding, packFile, readHead, unpackFile } from "./container.ts";
import type { Golden } from "./schema.ts";
import { goldenHead, goldenVersion } from "./schema.ts";
import { packSites, unpackSites } from "./pack.ts";

/** The path of the golden of a case. */
export function goldenPath(folder: string, caseName: string): string {
  return join(folder, `${caseName}${goldenEnding}`);
}

/** Reads a golden. @throws UsageError when there is none or it is not valid, with the command that records it. */
export function readGolden(folder: string, caseName: string): Golden {
  const file = goldenPath(folder, caseName);
  if (!existsSync(file)) throw missingGolden(file, caseName, caseName);
  return parseGolden(readFileSync(file), file, caseName);
}

/**
 * The golden in `bytes`, which came from `file`. @throws UsageError when it is not valid, with the command that records
 * it.
 */
export function parseGolden(bytes: Uint8Array, file: string, caseName: string): Golden {
  try {
    refuseOtherVersion(readHead(bytes));
    const { head, payload } = unpackFile(bytes);
    return { ...goldenHead.parse(head), ...unpackSites(payload) };
  } catch (error) {
    throw new UsageError(
      `${file}: not a golden of version ${goldenVersion} (${(error as Error).message.slice(0, 200)}); ${remedyFor(caseName)}`,
    );
  }
}

/** Writes a golden: a readable first line, then the compressed rest; whole or not at all. Returns the file. */
export function writeGolden(folder: string, golden: Golden): string {
  const { sites, tensors, ...head } = golden;
  return writeWhole(goldenPath(folder, golden.case), packFile(head, packSites({ sites, tensors })));
}

/** The error for the missing golden of `what`, which `caseName` needs; it names the command that records it. */
export function missingGolden(file: string, what: string, caseName: string): UsageError {
  return new UsageError(`${file}: no golden for ${what}; ${remedyFor(caseName)}`);
}

/** The advice for a golden that can't be used: the command that records it again. */
export function remedyFor(caseName: string): string {
  return `record it, where there is Python, with: lockstep golden update ${caseName}`;
}

/** Refuses a golden of another version of the format. @throws Error that names the version found. */
export function refuseOtherVersion(head: unknown): void {
  const { golden } = (head ?? {}) as { golden?: unknown };
  if (golden !== goldenVersion) throw new Error(`found version ${String(golden)}`);
}
