/** Where `npm run models` puts real weights, and what is said when they are not there. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../harness/setup/cache.ts";

/** The folder of the model `name`. */
export function realModel(name: string): string {
  return join(cacheDirectory(), "models", name);
}

/** True when all models are there; else says on stderr which tests are skipped, and what to do. */
export function haveModels(...names: string[]): boolean {
  const missing = names.map(realModel).filter((folder) => !existsSync(folder));
  if (missing.length > 0)
    process.stderr.write(
      `tests of real weights are skipped: no ${missing.join(", no ")}; npm run models fetches them\n`,
    );
  return missing.length === 0;
}
