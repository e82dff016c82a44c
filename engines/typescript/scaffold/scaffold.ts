/** The files that `lockstep new` writes for this engine; `engine.json` names this module. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Outline } from "../../../harness/engine/outline.ts";
import type { Scaffold } from "../../../harness/engine/scaffold.ts";
import { UsageError } from "../../../harness/trace/errors.ts";
import { architectureFiles, registryLine } from "./architecture.ts";

const engine = "engines/typescript";
const folders = { models: `${engine}/models`, faults: `${engine}/faults`, cases: "cases" };

/**
 * The files of a new architecture, and what is left to do. @throws UsageError where `repository` is no clone of
 * lockstep.
 */
export function scaffold(outline: Outline, repository: string): Scaffold {
  const inert = inertKeys(join(repository, engine, "layers", "config_schema.ts"));
  return {
    files: architectureFiles(outline, folders, inert),
    next: [
      `${folders.models}/registry.ts: ${registryLine(outline)}`,
      `write the forwards ("not written"), then: npx lockstep run ${outline.model_type}`,
    ],
  };
}

/** The keys that the engine drops from every config, as its schema file lists them. */
function inertKeys(file: string): string[] {
  if (!existsSync(file))
    throw new UsageError(`${file}: no such file; expected a clone of lockstep: give its folder with --into`);
  const list = /const inert = \[([\s\S]*?)\]/.exec(readFileSync(file, "utf8"))?.[1] ?? "";
  return [...list.matchAll(/"([^"]*)"/g)].flatMap(([, line]) => line!.split(" "));
}
