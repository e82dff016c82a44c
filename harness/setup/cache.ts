import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { EnvironmentError } from "../trace/errors.ts";
import { sweepTemporaries } from "../trace/process-place.ts";
import { isSystemError, reasonOf } from "../trace/system-error.ts";
import { makeFolder } from "../trace/make-folder.ts";

/**
 * The user's cache directory for lockstep: pinned Node, the reference's environment, checkpoints. `LOCKSTEP_CACHE`,
 * else `XDG_CACHE_HOME/lockstep`, else `~/.cache/lockstep`. Everything in it can be deleted at any time.
 * @throws EnvironmentError where none of them is set and there is no home directory
 */
export function cacheDirectory(): string {
  const own = process.env["LOCKSTEP_CACHE"];
  if (own) return resolve(own);
  return join(process.env["XDG_CACHE_HOME"] || join(home(), ".cache"), "lockstep");
}

function home(): string {
  let found = "";
  try {
    found = homedir();
  } catch {
    // a user without an entry, and no HOME
  }
  if (isAbsolute(found)) return found;
  throw new EnvironmentError(
    "there is no home directory to keep the cache in; set HOME, or name a folder for the cache in LOCKSTEP_CACHE",
  );
}

/** `cacheDirectory()/...parts`, created. @throws EnvironmentError where it can't be */
export function cacheFolder(...parts: string[]): string {
  const folder = join(cacheDirectory(), ...parts);
  try {
    makeFolder(folder);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new EnvironmentError(
      `the cache folder ${folder} can't be made: ${reasonOf(error)}; name one that can be written in LOCKSTEP_CACHE`,
      { cause: error },
    );
  }
  return folder;
}

/**
 * Makes sure that a file or folder of the cache is as it is to be: writes it where it is missing, and again, which is
 * said on stderr, where `isWhole` says no or throws. Its files are read-only then: an engine is given their paths.
 */
export function keepInCache(path: string, { isWhole, write }: { isWhole: () => boolean; write: () => void }): void {
  const found = existsSync(path);
  if (found && holds(isWhole)) return;
  if (found) process.stderr.write(`cache  ${path} was not as it was written; it was made again\n`);
  write();
  const files = statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path];
  for (const file of files) chmodSync(file, 0o444);
}

function holds(isWhole: () => boolean): boolean {
  try {
    return isWhole();
  } catch {
    return false; // cut off, or no such file at all
  }
}

/** Removes what processes that were killed have left in the cache half written. */
export function sweepCache(): void {
  for (const folder of ["inputs", "checkpoints"]) sweepTemporaries(join(cacheDirectory(), folder));
}
