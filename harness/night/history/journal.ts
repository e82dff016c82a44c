/**
 * The history's truth: a file of JSON lines. A night is in it whole or not at all: its results are followed by the line
 * that closes it, in one write. What comes after the last closing line was cut off by a crash, and is dropped before
 * the next night is appended; that night is still open and will be written again.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../../trace/errors.ts";
import type { NightLine, ResultLine } from "./record.ts";
import { nightLine, resultLine } from "./record.ts";
import { makeFolder } from "../../trace/make-folder.ts";

/** A night as the history holds it. */
export interface Night {
  readonly night: NightLine;
  readonly results: readonly ResultLine[];
}

/** The nights in a text of JSON lines. */
export interface Scanned {
  readonly nights: readonly Night[];
  /** Bytes up to the end of the last closed night. */
  readonly end: number;
  /** Bytes after it, which a crash left. */
  readonly torn: number;
}

/**
 * Reads JSON lines, beginning after a closed night. `file` names them in errors.
 * @throws UsageError for a line that is not the history's, with a closed night behind it: that is no crash of ours.
 */
export function scanJournal(bytes: Buffer, file: string): Scanned {
  const nights: Night[] = [];
  let pending: ResultLine[] = [];
  let problem: string | null = null;
  let end = 0;
  for (let start = 0, count = 1; start < bytes.length; count++) {
    const stop = bytes.indexOf(10, start);
    if (stop === -1) break;
    const found = parseLine(bytes.toString("utf8", start, stop));
    start = stop + 1;
    if (typeof found === "string") problem ??= `line ${count}: ${found}`;
    else if (found.kind === "result") pending.push(found);
    else {
      const foreign = pending.filter(({ night }) => night !== found.night).length;
      if (pending.length !== found.results || foreign > 0)
        problem ??= `line ${count}: night ${found.night} closes ${found.results} results, found ${pending.length}, ${foreign} of another night`;
      if (problem !== null)
        throw new UsageError(
          `${file} is not a history: ${problem}; take the file from a backup, or move it away to begin a new one`,
        );
      nights.push({ night: found, results: pending });
      pending = [];
      end = start;
    }
  }
  return { nights, end, torn: bytes.length - end };
}

function parseLine(text: string): ResultLine | NightLine | string {
  let content: { kind?: unknown };
  try {
    content = JSON.parse(text) as { kind?: unknown };
  } catch {
    return "expected JSON";
  }
  const parsed = (content?.kind === "night" ? nightLine : resultLine).safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return `${issue!.path.join(".") || "line"}: ${issue!.message}`;
}

/**
 * The nights of a file; none where there is no file. A torn end is passed over. @throws UsageError as `scanJournal`
 * does.
 */
export function readJournal(file: string): Scanned {
  return existsSync(file) ? scanJournal(readFileSync(file), file) : { nights: [], end: 0, torn: 0 };
}

/**
 * Cuts off what a crash left behind the last closed night; returns the number of bytes. Only for the holder of the
 * folder's lock.
 */
export function mendJournal(file: string): number {
  const { end, torn } = readJournal(file);
  if (torn > 0) truncateSync(file, end);
  return torn;
}

/** Appends a night in one write, on disk when this returns. Only for the holder of the folder's lock. */
export function appendNight(file: string, { night, results }: Night): void {
  makeFolder(dirname(file));
  mendJournal(file);
  const text = [...results, night].map((line) => `${JSON.stringify(line)}\n`).join("");
  const handle = openSync(file, "a");
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
