import { mkdirSync } from "node:fs";
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
