/**
 * Processes by number, and the names of what they leave when they are killed. Numbers mean the same only within one
 * machine or container; several may share a folder, and must not sweep each other's.
 */
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** Names the machine or container, and in it the namespace of process numbers: 8 hexadecimal digits. */
export const place = createHash("sha256").update(`${hostname()} ${pidNamespace()}`).digest("hex").slice(0, 8);

/** The name under which this process makes a file or folder before it gets its own: `sweepTemporaries` knows it. */
export function temporaryName(path: string): string {
  return `${path}.${place}-${process.pid}.tmp`;
}

/** Removes what this user's processes made here under `temporaryName` in a folder and have left behind. */
export function sweepTemporaries(folder: string): void {
  for (const path of leftBehind(folder, /\.([0-9a-f]{8})-(\d+)\.tmp$/))
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // of a folder that can't be written: what writes there says so
    }
}

/**
 * The entries of a folder whose names say, by `pattern` with a place and a number, that a process made them which is
 * gone: this user's, made here. None where the folder can't be read.
 */
export function leftBehind(folder: string, pattern: RegExp): string[] {
  return listFolder(folder)
    .filter((name) => {
      const [, where, pid] = pattern.exec(name) ?? [];
      return where === place && !isAlive(Number(pid));
    })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.());
}

/** True while a process of this number runs, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * The time at which a process was started, in clock ticks since the machine was: together with its number it names one
 * process. Null where the system does not tell it (only Linux does), or there is no such process.
 */
export function birthOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not every machine has /dev/shm
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
