/**
 * A lock that one process holds at a time, on a file. SQLite holds it as a lock of the system's on that file: when the
 * process ends, however it does, it is free again, and nobody has to guess whether its holder still lives.
 */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { EnvironmentError } from "../trace/errors.ts";
import { explainSystemError } from "../trace/system-error.ts";
import { makeFolder } from "../trace/make-folder.ts";

/** Milliseconds between looks at whether a lock is free. */
const lookEvery = 200;

/** A held lock, or the number of the process that holds it, null where that can't be told. */
type Taken = { readonly lock: Disposable } | { readonly holder: number | null };

/**
 * Takes the lock on a file, which is made with its folder and stays there; or says who holds it.
 * @throws EnvironmentError where the file can't be written
 */
export function takeLock(file: string): Taken {
  try {
    makeFolder(dirname(file));
  } catch (error) {
    throw explainSystemError(error);
  }
  try {
    return take(file);
  } catch (error) {
    if (!isNoDatabase(error)) throw unusable(file, error);
  }
  rmSync(file, { force: true, recursive: true }); // of an earlier version, or cut off: nobody holds it
  try {
    return take(file);
  } catch (error) {
    throw unusable(file, error);
  }
}

function take(file: string): Taken {
  const database = new DatabaseSync(file);
  try {
    database.exec("PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE");
    database.exec(
      `CREATE TABLE IF NOT EXISTS holder (pid INTEGER); DELETE FROM holder; INSERT INTO holder VALUES (${process.pid})`,
    );
    database.exec("COMMIT; BEGIN IMMEDIATE");
    return { lock: { [Symbol.dispose]: () => database.close() } };
  } catch (error) {
    const holder = isBusy(error) ? readHolder(database) : null;
    database.close();
    if (isBusy(error)) return { holder };
    throw error;
  }
}

/**
 * Waits for the lock on a file, holds it during `work`, and returns what that returns. `waiting` is told the process
 * that holds it meanwhile, once.
 */
export async function withLock<T>(
  file: string,
  waiting: (holder: number | null) => void,
  work: () => Promise<T>,
): Promise<T> {
  for (let told = false; ; told = true) {
    const taken = takeLock(file);
    if ("lock" in taken) {
      using _lock = taken.lock;
      return await work();
    }
    if (!told) waiting(taken.holder);
    await sleep(lookEvery);
  }
}

function readHolder(database: DatabaseSync): number | null {
  try {
    return Number(database.prepare("SELECT pid FROM holder").get()?.["pid"]) || null;
  } catch {
    return null; // it is being written
  }
}

function isBusy(error: unknown): boolean {
  return numberOf(error) === 5; // SQLITE_BUSY
}

/** SQLITE_NOTADB and SQLITE_CORRUPT. */
function isNoDatabase(error: unknown): boolean {
  return [26, 11].includes(numberOf(error));
}

function numberOf(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff;
}

function unusable(file: string, error: unknown): EnvironmentError {
  return new EnvironmentError(
    `${file} can't be written (${(error as Error).message}); free it or its folder, or name a folder that can be written`,
    { cause: error },
  );
}
