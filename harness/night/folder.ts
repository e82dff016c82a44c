/** Files that a night leaves in its folder while it runs: a lock, and a record with its name and its plan. */
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJson } from "./history/store.ts";
import { takeLock } from "../setup/lock.ts";
import { UsageError } from "../trace/errors.ts";
import { checkName, pathName } from "../trace/names.ts";

const openNight = z.strictObject({
  night: z.string().regex(pathName),
  started: z.iso.datetime(),
  /** Results of earlier nights are not taken. */
  fresh: z.boolean(),
  /**
   * Versions that roles stood for when the night began: a night that goes on the next morning is still the same one.
   */
  references: z.array(z.strictObject({ role: z.string(), version: z.string() })),
});

/** A night that is not in the history yet. */
export type OpenNight = z.infer<typeof openNight>;

/** The file of the open night of a scope. */
export function openPath(folder: string, scope: string): string {
  return join(folder, `open-${checkName(scope, "scope of a night")}.json`);
}

/** The open night of a scope; null where there is none. */
export function readOpen(folder: string, scope: string): OpenNight | null {
  const file = openPath(folder, scope);
  if (!existsSync(file)) return null;
  try {
    return openNight.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return null; // of another version of lockstep
  }
}

/** Writes down an open night. */
export function writeOpen(folder: string, scope: string, night: OpenNight): void {
  writeJson(openPath(folder, scope), night);
}

/** Removes the record of an open night, which is now in the history. */
export function closeOpen(folder: string, scope: string): void {
  rmSync(openPath(folder, scope), { force: true });
}

/** The day, and a number where it has had a night already. */
export function nameNight(started: Date, taken: ReadonlySet<string>): string {
  const day = started.toISOString().slice(0, 10);
  for (let count = 1; ; count++) {
    const name = count === 1 ? day : `${day}.${count}`;
    if (!taken.has(name)) return name;
  }
}

/** Names of nights that are open in a folder, of any scope. */
export function openNights(folder: string): string[] {
  return globSync("open-*.json", { cwd: folder }).flatMap((file) => {
    const found = readOpen(folder, file.slice("open-".length, -".json".length));
    return found ? [found.night] : [];
  });
}

/**
 * Takes a folder for this process: one night at a time writes to it. A lock whose process has ended is taken over.
 * @throws UsageError while another process holds it
 */
export function lockFolder(folder: string): Disposable {
  const taken = takeLock(join(folder, "lock"));
  if ("lock" in taken) return taken.lock;
  throw new UsageError(
    `process ${taken.holder ?? "?"} writes to ${folder}: expected one night at a time; wait for it, or choose another --folder`,
  );
}
