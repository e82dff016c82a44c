/** Files that must stay as they are while somebody works with them. Reads no content: what the system knows of a file. */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * A text that changes whenever a file, or one in a folder, is written, replaced, added or removed: inode, size and
 * times. The time of the last change of its state can't be set back by who has changed a file. "" for what is not there.
 */
export function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!stat) return "";
  if (!stat.isDirectory()) return stampOfFile(path);
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted();
  return names.map((name) => `${name} ${stampOfFile(join(path, name))}`).join("\n");
}

/** Of a link also what it leads to: the files of a downloaded checkpoint are often links. */
function stampOfFile(path: string): string {
  const both = [lstatSync, statSync].map((read) => read(path, { bigint: true, throwIfNoEntry: false }));
  return both.map((stat) => (stat ? [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join() : "none")).join(" ");
}

/** Files and folders as they are now. */
export interface Seal {
  /** The names of those that are not as they were; none where all are. */
  broken(): string[];
}

/** Seals files and folders. */
export function sealFiles(paths: readonly string[]): Seal {
  const stamps = paths.map(stampOf);
  return { broken: () => paths.filter((path, place) => stampOf(path) !== stamps[place]) };
}
