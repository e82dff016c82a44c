/** Finds the real weights that `npm run models` fetched, and notes for the end of the run which are missing. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../harness/setup/cache.ts";
import { isMissing } from "../support/missing.ts";

/** The folder of the model `name`. */
export function realModel(name: string): string {
  return join(cacheDirectory(), "models", name);
}

/** True when all models are there; else the run says at its end which are not, and what to do. */
export function haveModels(...names: string[]): boolean {
  const missing = names.map(realModel).filter((folder) => !existsSync(folder));
  return !isMissing(
    missing.length === 0,
    `tests of real weights: no ${missing.join(", no ")}; npm run models fetches them`,
  );
}
