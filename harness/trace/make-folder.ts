import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder with those above it, unless it is there. `mkdirSync` with `recursive` does so too, but goes on for ever
 * where a folder that is there refuses new ones by "no such file", as those of /proc do.
 * @throws what the system says
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
    const above = dirname(folder);
    if (code !== "ENOENT" || above === folder) throw error;
    makeFolder(above);
    makeLast(folder);
  }
}

/** Makes a folder whose parent is there; another process may be faster. */
function makeLast(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
