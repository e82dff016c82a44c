import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statfsSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onExit } from "signal-exit";
import { EngineFailure } from "../trace/errors.ts";

const roomNeeded = 512 * 1024 * 1024; // bytes; containers often give /dev/shm only 64 MiB

/**
 * Identifies the machine, or the container, in which process numbers mean the same: containers and machines may share a
 * folder for temporary files, and must not sweep each other's.
 */
const place = createHash("sha256").update(`${hostname()} ${pidNamespace()}`).digest("hex").slice(0, 8);

const open = new Set<string>();
// Signals too, unless somebody handles them: then at the exit that follows.
onExit(
  () => {
    for (const folder of open) rmSync(folder, { recursive: true, force: true });
  },
  { alwaysLast: true },
);

/**
 * A new spool directory, in memory (/dev/shm) where there is room, else in the temp directory. Removed with
 * `removeSpool`, or when this process ends. Spools that a killed harness left behind are swept first.
 */
export function createSpool(): string {
  for (const folder of spoolBases()) sweep(folder);
  const base = spoolBases().find(hasRoom) ?? tmpdir();
  const folder = mkdtempSync(join(base, `lockstep-${place}-${process.pid}-`));
  open.add(folder);
  return folder;
}

/** The folders where spools are made: the first with room, else the last. */
export function spoolBases(): string[] {
  return ["/dev/shm", tmpdir()];
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
  const match = dirname(file) === spool ? lstatSync(file, { throwIfNoEntry: false }) : undefined;
  if (!match?.isFile())
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

/** Removes this user's spools of processes that are gone. */
function sweep(base: string): void {
  for (const folder of abandonedSpools(base)) rmSync(folder, { recursive: true, force: true });
}

/** The spools in a folder that this user's processes made here and that have outlived them. */
export function abandonedSpools(base: string): string[] {
  return listFolder(base)
    .filter((name) => {
      const [, where, pid] = /^lockstep-([0-9a-f]{8})-(\d+)-/.exec(name) ?? [];
      return where === place && !isAlive(Number(pid));
    })
    .map((name) => join(base, name))
    .filter((folder) => lstatSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.());
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not every machine has /dev/shm
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

/** Names the namespace of process numbers; empty where there is only one. */
function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}
