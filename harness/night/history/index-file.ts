/**
 * The history's index: an SQLite file beside the JSON lines, made again from them whenever it is missing, broken, of
 * another version, or does not fit them.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { scanJournal } from "./journal.ts";
import type { NightLine, ResultLine } from "./record.ts";

/** Bumped when the tables change. */
const indexVersion = 1;

/** Bytes before the indexed end that must still be the same. */
const fingerprinted = 64 * 1024;

const tables = `
  CREATE TABLE meta (version INTEGER, bytes INTEGER, fingerprint TEXT);
  CREATE TABLE nights (place INTEGER PRIMARY KEY, night TEXT UNIQUE, scope TEXT, green INTEGER, line TEXT);
  CREATE TABLE results (id INTEGER PRIMARY KEY, place INTEGER, name TEXT, engine TEXT, dtype TEXT, seed INTEGER, status TEXT, fresh INTEGER, seconds REAL, line TEXT);
  CREATE TABLE roles (role TEXT, result INTEGER);
  CREATE INDEX results_by_place ON results (place);
  CREATE INDEX results_by_name ON results (name, engine, dtype, seed, place);
  CREATE INDEX roles_by_result ON roles (result);
`;

/** Questions to a history. Nights are in order; `place` counts them from 0. */
export interface History extends Disposable {
  /** All nights, the oldest first. */
  nights(): NightLine[];
  results(night: string): ResultLine[];
  /** The last night of a scope before this one in which everything was as expected. */
  lastGreen(night: NightLine): NightLine | null;
  /**
   * Up to `count` results of the same case, engine, dtype, seed and role of the reference, measured in nights before
   * this one and passed; the latest first.
   */
  earlier(result: ResultLine, count: number): ResultLine[];
  /** Seconds that a case took when it was last measured; null where it never was. */
  seconds(job: Pick<ResultLine, "case" | "engine" | "dtype" | "seed"> & { readonly role: string }): number | null;
}

/** The JSON lines of a folder. */
export function journalPath(folder: string): string {
  return join(folder, "history.jsonl");
}

/**
 * Opens the index of a folder's history and brings it up to date; kept in memory where the folder can't be written.
 * @throws UsageError for a file that is no history
 */
export function openHistory(folder: string): History {
  const file = join(folder, "history.sqlite");
  const journal = journalPath(folder);
  try {
    return ask(openUpdated(file, journal));
  } catch (error) {
    if (!isSqlite(error)) throw error;
    if (isOutOfReach(error)) return ask(openUpdated(":memory:", journal));
    for (const path of [file, `${file}-journal`]) rmSync(path, { force: true });
    return ask(openUpdated(file, journal));
  }
}

function openUpdated(path: string, journal: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE");
    update(database, journal);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close(); // what was begun is rolled back
    throw error;
  }
}

function isSqlite(error: unknown): boolean {
  return (error as { code?: string }).code === "ERR_SQLITE_ERROR";
}

/** SQLITE_BUSY, SQLITE_READONLY and SQLITE_CANTOPEN: the file may be good, but can't be written now. */
function isOutOfReach(error: unknown): boolean {
  return [5, 8, 14].includes((error as { errcode?: number }).errcode ?? 0);
}

/** Adds what the journal has beyond what is indexed; begins again where what was indexed is no longer its beginning. */
function update(database: DatabaseSync, journal: string): void {
  const hasTables = database.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'meta'").get()!["n"] === 1;
  const meta = hasTables ? database.prepare("SELECT * FROM meta").get() : undefined;
  const handle = existsSync(journal) ? openSync(journal, "r") : null;
  try {
    const size = handle === null ? 0 : fstatSync(handle).size;
    const known = Number(meta?.["bytes"] ?? 0);
    const fits =
      meta?.["version"] === indexVersion &&
      known <= size &&
      meta["fingerprint"] === (handle === null ? fingerprint(Buffer.alloc(0)) : fingerprintBefore(handle, known));
    if (fits && known === size) return;
    const from = fits ? known : 0;
    const bytes = handle === null ? Buffer.alloc(0) : readRange(handle, from, size);
    const { nights, end } = scanJournal(bytes, journal);
    if (!fits) clear(database);
    for (const { night, results } of nights) insert(database, night, results);
    database.prepare("DELETE FROM meta").run();
    const mark = handle === null ? fingerprint(Buffer.alloc(0)) : fingerprintBefore(handle, from + end);
    database.prepare("INSERT INTO meta VALUES (?, ?, ?)").run(indexVersion, from + end, mark);
  } finally {
    if (handle !== null) closeSync(handle);
  }
}

function clear(database: DatabaseSync): void {
  const rows = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  for (const { name } of rows) database.exec(`DROP TABLE "${String(name)}"`);
  database.exec(tables);
}

function insert(database: DatabaseSync, night: NightLine, results: readonly ResultLine[]): void {
  const place = database.prepare("SELECT count(*) AS n FROM nights").get()!["n"] as number;
  database
    .prepare("INSERT INTO nights VALUES (?, ?, ?, ?, ?)")
    .run(place, night.night, night.scope, Number(night.green), JSON.stringify(night));
  const addResult = database.prepare("INSERT INTO results VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const addRole = database.prepare("INSERT INTO roles VALUES (?, ?)");
  for (const result of results) {
    const { case: name, engine, dtype, seed, status, measured, seconds } = result;
    const fresh = Number(measured === result.night);
    const line = JSON.stringify(result);
    const { lastInsertRowid } = addResult.run(place, name, engine, dtype, seed, status, fresh, seconds, line);
    for (const role of result.reference.roles) addRole.run(role, lastInsertRowid);
  }
}

function ask(database: DatabaseSync): History {
  const lines = <T>(sql: string, ...values: (string | number)[]): T[] =>
    database
      .prepare(sql)
      .all(...values)
      .map(({ line }) => JSON.parse(String(line)) as T);
  const placed = "results JOIN nights ON nights.place = results.place";
  const before = "coalesce((SELECT place FROM nights WHERE night = ?), 1e9)"; // a night that is not written yet is the last
  const ofSeries = `name = ? AND engine = ? AND dtype = ? AND results.seed = ? AND fresh = 1
    AND results.id IN (SELECT result FROM roles WHERE role = ?)`;
  return {
    nights: () => lines("SELECT line FROM nights ORDER BY place"),
    results: (night) => lines(`SELECT results.line FROM ${placed} WHERE night = ? ORDER BY results.id`, night),
    lastGreen: ({ night, scope }) =>
      lines<NightLine>(
        `SELECT line FROM nights WHERE green = 1 AND scope = ? AND place < ${before} ORDER BY place DESC LIMIT 1`,
        scope,
        night,
      )[0] ?? null,
    earlier: ({ case: name, engine, dtype, seed, reference, night }, count) =>
      lines(
        `SELECT results.line FROM ${placed} WHERE ${ofSeries} AND status = 'pass' AND results.place < ${before}
         ORDER BY results.place DESC LIMIT ?`,
        ...[name, engine, dtype, seed, reference.roles[0]!, night, count],
      ),
    seconds: ({ case: name, engine, dtype, seed, role }) => {
      const sql = `SELECT seconds FROM results WHERE ${ofSeries} AND status <> 'error' ORDER BY place DESC LIMIT 1`;
      return (database.prepare(sql).get(name, engine, dtype, seed, role)?.["seconds"] as number | undefined) ?? null;
    },
    [Symbol.dispose]: () => database.close(),
  };
}

function readRange(handle: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  for (let done = 0; done < bytes.length;) {
    const read = readSync(handle, bytes, done, bytes.length - done, from + done);
    if (read === 0) return bytes.subarray(0, done);
    done += read;
  }
  return bytes;
}

function fingerprintBefore(handle: number, end: number): string {
  return fingerprint(readRange(handle, Math.max(0, end - fingerprinted), end));
}

function fingerprint(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
