/** Files that are there whole or not at all: under another name first, then under their own. */
import { lstatSync, readlinkSync, realpathSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "./errors.ts";
import { explainSystemError, isSystemError } from "./system-error.ts";
import { makeFolder } from "./make-folder.ts";

type Content = string | Uint8Array;

/**
 * Writes a file with its folders, whole or not at all, and returns it. A pipe or device is written to and stays what it
 * is; a symbolic link stays one, and what it leads to is written.
 * @throws UsageError for a name that can't be one of a file, EnvironmentError for what the machine refuses
 */
export function writeWhole(file: string, content: Content): string {
  try {
    const stream = streamOf(file);
    if (stream !== null) writeAll(stream, content);
    else replace(targetOf(resolve(file)), content);
    return file;
  } catch (error) {
    if (isSystemError(error)) error.path ??= file;
    throw explainSystemError(error);
  }
}

/** The number of this process's own stream that a path stands for: a socket can't be opened by such a name. */
function streamOf(file: string): number | null {
  const match = /^(?:\/dev\/std(out|err)|(?:\/dev|\/proc\/self)\/fd\/([12]))$/.exec(file);
  if (!match) return null;
  return match[1] === "err" || match[2] === "2" ? 2 : 1;
}

/** Where to write, and whether it is to be replaced. */
interface Target {
  readonly path: string;
  readonly kind: "file" | "stream";
}

function targetOf(path: string): Target {
  const own = lstatSync(path, { throwIfNoEntry: false });
  if (!own) return { path, kind: "file" };
  const stat = own.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : own;
  if (stat?.isDirectory()) throw new UsageError(`${path}: a folder; expected the name of a file to write`);
  if (stat && !stat.isFile()) return { path, kind: "stream" };
  if (!own.isSymbolicLink()) return { path, kind: "file" };
  return { path: stat ? realpathSync(path) : resolve(dirname(path), readlinkSync(path)), kind: "file" };
}

function replace({ path, kind }: Target, content: Content): void {
  if (kind === "stream") return writeFileSync(path, content);
  makeFolder(dirname(path));
  // Always the same name: what a killed process left of it is written over.
  const fresh = join(dirname(path), `${basename(path)}.tmp`);
  try {
    writeFileSync(fresh, content);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** Writes to a stream that may not take everything at once. */
function writeAll(stream: number, content: Content): void {
  const bytes = Buffer.from(content);
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(stream, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
