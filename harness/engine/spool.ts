import type { Stats } from "node:fs";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { onExit } from "signal-exit";
import { EngineFailure, EnvironmentError } from "../trace/errors.ts";
import { leftBehind, place } from "../trace/process-place.ts";
import { SafetensorsError, readIndexFrom, readTensor } from "../trace/safetensors.ts";
import { isSystemError, reasonOf } from "../trace/system-error.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { endProcessesOf } from "./child.ts";
import { clip } from "./lines.ts";

const roomNeeded = 512 * 1024 * 1024; // bytes; containers often give /dev/shm only 64 MiB

/** Bytes of the largest file that an engine may hand over: a batch is read into memory whole. */
export const largestSpoolFile = 2 ** 31;

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
 * `removeSpool`, or when this process ends. What a killed harness left behind is swept first: its spools, and the
 * engines that still run.
 * @throws EnvironmentError where no such folder can be made.
 */
export function createSpool(): string {
  for (const folder of spoolBases()) sweep(folder);
  const base = spoolBases().find(hasRoom) ?? tmpdir();
  try {
    const folder = mkdtempSync(join(base, `lockstep-${place}-${process.pid}-`));
    open.add(folder);
    return folder;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new EnvironmentError(
      `no folder for temporary files can be made in ${base}: ${reasonOf(error)}; name one that can be written in TMPDIR`,
      { cause: error },
    );
  }
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

/** A checked file of a spool directory, not read yet. */
export interface SpoolFile extends Disposable {
  readonly sender: string;
  /** Reads all tensors and deletes the file. @throws EngineFailure for a file that changed meanwhile. */
  take(): ReadonlyMap<string, RawTensor>;
}

/**
 * Opens an engine's file, of which nothing has been touched before: it is a regular file of one name, directly in the
 * spool directory, at most `largestSpoolFile` bytes long, and as long as its safetensors header says. `sender` is named
 * in errors.
 * @throws EngineFailure otherwise: a wrong or hostile engine must not make the harness wait, read or delete other
 * files, or run out of memory.
 */
export function openSpoolFile(spool: string, file: string, sender: string): SpoolFile {
  const where = clip(JSON.stringify(file), 200);
  return blaming(sender, where, () => {
    if (!isIn(spool, file)) throw refusal(sender, `a regular file in the spool directory ${spool}`, where);
    check(lstatSync(file), { sender, where });
    // Not waiting for a writer, should the file have become a pipe since.
    const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      check(fstatSync(handle), { sender, where });
      const { entries } = readIndexFrom(handle, file);
      const take = () =>
        blaming(sender, where, () => {
          const tensors = new Map([...entries].map(([name, entry]) => [name, readTensor(entry, undefined, handle)]));
          unlinkSync(file);
          return tensors;
        });
      return { sender, take, [Symbol.dispose]: () => closeSync(handle) };
    } catch (error) {
      closeSync(handle);
      throw error;
    }
  });
}

/** Deletes the file of a batch that nobody will read, whatever it is; nothing outside of the spool directory. */
export function dropSpoolFile(spool: string, file: string): void {
  if (isIn(spool, file)) rmSync(file, { recursive: true, force: true });
}

/** True for a path that names something directly in the spool directory. */
function isIn(spool: string, file: string): boolean {
  return !file.includes("\0") && basename(file) !== ".." && join(spool, basename(file)) === file;
}

function check(stat: Stats, { sender, where }: { readonly sender: string; readonly where: string }): void {
  const kind = kindOf(stat);
  if (kind !== null) throw refusal(sender, "a regular file in the spool directory", `${kind}, ${where}`);
  if (stat.nlink > 1)
    throw refusal(sender, "a file of its own", `${where}, which has ${stat.nlink} names: it is a hard link`);
  if (stat.size > largestSpoolFile)
    throw refusal(sender, `a file of at most ${largestSpoolFile} bytes`, `${stat.size} in ${where}`);
}

/** The kind of what is no regular file; null for one. */
function kindOf(stat: Stats): string | null {
  if (stat.isFile()) return null;
  if (stat.isSymbolicLink()) return "a symbolic link";
  if (stat.isDirectory()) return "a folder";
  if (stat.isFIFO()) return "a pipe";
  return stat.isSocket() ? "a socket" : "a device";
}

function refusal(sender: string, expected: string, found: string): EngineFailure {
  return new EngineFailure(`${sender}: expected ${expected}, found ${found}`, {
    remedy: "the engine wrote it: each batch is one safetensors file, directly in the spool directory that hello names",
  });
}

/** Turns whatever is wrong with a file into a failure of the engine that sent it. */
function blaming<T>(sender: string, where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SafetensorsError) throw new EngineFailure(`${sender}: sent a broken file: ${error.message}`);
    if (!isSystemError(error)) throw error;
    if (error.code === "ENOENT") throw refusal(sender, "a regular file in the spool directory", `none, ${where}`);
    throw refusal(sender, "a regular file in the spool directory", `${where}, of which ${reasonOf(error)}`);
  }
}

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= roomNeeded;
  } catch {
    return false;
  }
}

/** Removes this user's spools of processes that are gone, and ends the engines that are left of them. */
function sweep(base: string): void {
  for (const folder of abandonedSpools(base)) {
    endProcessesOf(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The spools in a folder that this user's processes made here and that have outlived them. */
export function abandonedSpools(base: string): string[] {
  return leftBehind(base, /^lockstep-([0-9a-f]{8})-(\d+)-/);
}
