import { globSync, rmSync, rmdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { goldenEnding } from "./container.ts";

/** A file among the goldens, and what it is recorded of. */
export interface GoldenFile {
  readonly file: string;
  /** `old`: a golden of version 1, which nothing reads. */
  readonly kind: "case" | "shapes" | "power" | "old";
  /** The case; of shapes, the beginning of the config's hash. */
  readonly name: string;
}

/** The files below a folder of goldens; what has another ending is none. */
export function listGoldens(folder: string): GoldenFile[] {
  return globSync(`**/*{${goldenEnding},.json}`, { cwd: folder })
    .map((file) => file.replaceAll("\\", "/"))
    .toSorted()
    .map((file) => ({ ...kindOf(file), file: join(folder, file) }));
}

/** The goldens that there may be: the files of all cases, and the names of those whose power is kept. */
export interface Kept {
  readonly files: ReadonlySet<string>;
  readonly named: ReadonlySet<string>;
}

/** The goldens that no case has. */
export function obsoleteGoldens(folder: string, { files, named }: Kept): GoldenFile[] {
  const kept = new Set([...files].map((file) => resolve(file)));
  return listGoldens(folder).filter(({ kind, name, file }) =>
    kind === "power" ? !named.has(name) : !kept.has(resolve(file)),
  );
}

/** Removes files, and the folders below `folder` that are empty then. */
export function removeGoldens(folder: string, files: readonly GoldenFile[]): void {
  for (const { file } of files) {
    rmSync(file, { force: true });
    for (let parent = dirname(file); resolve(parent) !== resolve(folder) && isEmpty(parent); parent = dirname(parent))
      rmdirSync(parent);
  }
}

function kindOf(file: string): Omit<GoldenFile, "file"> {
  const name = file.replace(/\.\w+$/, "");
  if (file.endsWith(".json"))
    return name.startsWith("power/") ? { kind: "power", name: name.slice("power/".length) } : { kind: "old", name };
  const shapes = /^shapes\/([\da-f]{16})$/.exec(name);
  return shapes ? { kind: "shapes", name: shapes[1]! } : { kind: "case", name };
}

function isEmpty(folder: string): boolean {
  return globSync("*", { cwd: folder }).length + globSync(".*", { cwd: folder }).length === 0;
}
