import { lstatSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EngineFailure } from "../trace/errors.ts";

const roomNeeded = 512 * 1024 * 1024; // bytes; containers often give /dev/shm only 64 MiB

const open = new Set<string>();
process.on("exit", () => {
  for (const folder of open) rmSync(folder, { recursive: true, force: true });
});

/**
 * A new spool directory, in memory (/dev/shm) where there is room, else in the temp directory. Removed with
 * `removeSpool`, or when this process ends. Spools that a killed harness left behind are swept first.
 */
export function createSpool(): string {
  const base = hasRoom("/dev/shm") ? "/dev/shm" : tmpdir();
  sweep(base);
  const folder = mkdtempSync(join(base, `lockstep-${process.pid}-`));
  open.add(folder);
  return folder;
}

/** Deletes a spool directory and all that is left in it. */
export function removeSpool(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  open.delete(folder);
}

/**
 * Checks that an engine's file is a regular file directly in the spool directory.
 * @throws EngineFailure otherwise: a wrong or hostile engine must not make the harness read or delete other files.
 */
export function checkSpoolFile(spool: string, file: string): void {
  const found = dirname(file) === spool ? lstatSync(file, { throwIfNoEntry: false }) : undefined;
  if (!found?.isFile())
    throw new EngineFailure(`expected a regular file in the spool directory, found ${JSON.stringify(file)}`);
}

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= roomNeeded;
  } catch {
    return false;
  }
}

function sweep(base: string): void {
  for (const name of readdirSync(base)) {
    const owner = /^lockstep-(\d+)-/.exec(name)?.[1];
    if (owner && !isAlive(Number(owner))) rmSync(join(base, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
