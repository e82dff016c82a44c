import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The user's cache directory for lockstep: pinned Node, the reference's environment, checkpoints. `LOCKSTEP_CACHE`,
 * else `XDG_CACHE_HOME/lockstep`, else `~/.cache/lockstep`. Everything in it can be deleted at any time.
 */
export function cacheDirectory(): string {
  return process.env["LOCKSTEP_CACHE"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "lockstep");
}

/** `cacheDirectory()/...parts`, created. */
export function cacheFolder(...parts: string[]): string {
  const folder = join(cacheDirectory(), ...parts);
  mkdirSync(folder, { recursive: true });
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
