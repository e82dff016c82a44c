/** The skeleton of an architecture, as an engine writes it: `engine.json` names the module that does. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "../trace/errors.ts";
import type { Outline } from "./outline.ts";
import { chooseEngine, runnable } from "./registry.ts";

/** Files to write, by path relative to the repository, and what is left to do. */
export interface Scaffold {
  readonly files: ReadonlyMap<string, string>;
  readonly next: readonly string[];
}

/** Makes the skeleton of an architecture from the reference's outline of it, for the clone in `repository`. */
export type WriteScaffold = (outline: Outline, repository: string) => Scaffold;

/** The scaffold of an engine. @throws UsageError for an engine that brings none. */
export async function loadScaffold(engine: string): Promise<WriteScaffold> {
  const choice = chooseEngine(engine);
  const module = choice.kind === "manifest" ? choice.manifest.scaffold : undefined;
  if (choice.kind !== "manifest" || module === undefined)
    throw new UsageError(`engine ${engine} brings no scaffold: expected one whose engine.json names one`);
  const file = runnable(join(choice.manifest.folder, module));
  const loaded = (await import(pathToFileURL(file).href)) as { scaffold?: WriteScaffold };
  if (typeof loaded.scaffold !== "function") throw new UsageError(`${file}: expected an export \`scaffold\``);
  return loaded.scaffold;
}
