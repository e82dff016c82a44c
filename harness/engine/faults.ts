/**
 * The known porting bugs that engines bring along: `engine.json` names their folder. What a fault does is the engine's
 * business.
 */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { UsageError } from "../trace/errors.ts";
import type { FaultSpec } from "./specs.ts";
import { listEngines, runnableFolder } from "./registry.ts";

/** The facts of a planted fault that the harness reads; how it changes the model is the engine's business. */
const faultFacts = z.object({
  id: z.string(),
  title: z.string(),
  category: z.string(),
  case: z.string(),
  at: z.string(),
  phase: z.string().optional(),
  /**
   * A pattern that the id of the right explanation, or of a synonym of it, matches; absent where no counterfactual can
   * give it.
   */
  cause: z.string().optional(),
});

/** A known porting bug that can be planted, with the place where it must be found. */
export type KnownFault = z.infer<typeof faultFacts> & { readonly spec: FaultSpec };

/** The folders of faults: those of all engines, and `faults/` beside a user's cases where there is one. */
export function faultFolders(cases?: string): string[] {
  const own = cases === undefined ? [] : [join(cases, "faults")].filter(existsSync);
  return [
    ...listEngines().flatMap(({ folder, faults }) => (faults ? [runnableFolder(join(folder, faults))] : [])),
    ...own,
  ];
}

/**
 * All faults of the folders: every export of every file that has an id. An export `causes` says by id how each is to be
 * explained.
 * @throws UsageError for one that is not complete, or twice.
 */
export async function loadFaults(folders: readonly string[] = faultFolders()): Promise<KnownFault[]> {
  const faults: KnownFault[] = [];
  const causes = new Map<string, string>();
  const files = folders.flatMap((folder) =>
    globSync("*.{ts,js}", { cwd: folder })
      .filter((file) => !/\.(test|d)\.[tj]s$/.test(file))
      .toSorted()
      .map((file) => join(folder, file)),
  );
  for (const module of files) {
    const loaded = (await import(pathToFileURL(module).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(loaded)) {
      if (name === "causes") for (const [id, cause] of Object.entries(value as object)) causes.set(id, String(cause));
      if (typeof value !== "object" || value === null || !("id" in value)) continue;
      const parsed = faultFacts.safeParse(value);
      if (!parsed.success)
        throw new UsageError(
          `${module}, ${name}: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
        );
      if (faults.some(({ id }) => id === parsed.data.id))
        throw new UsageError(`${module}, ${name}: fault ${parsed.data.id} is defined twice`);
      faults.push({ ...parsed.data, spec: { module, name } });
    }
  }
  const strays = [...causes.keys()].filter((id) => !faults.some((fault) => fault.id === id));
  if (strays.length > 0) throw new UsageError(`causes of faults that do not exist: ${strays.join(", ")}`);
  return faults.map((fault) => ({ ...fault, ...(causes.has(fault.id) && { cause: causes.get(fault.id)! }) }));
}

/** Faults by id or category, all when there are no names. @throws UsageError for a name that is neither. */
export function selectFaults(all: readonly KnownFault[], names: readonly string[]): KnownFault[] {
  const isNamed = ({ id, category }: KnownFault, name: string): boolean => id === name || category === name;
  for (const name of names) {
    if (all.some((fault) => isNamed(fault, name))) continue;
    const categories = [...new Set(all.map(({ category }) => category))].toSorted();
    throw new UsageError(
      `no fault ${JSON.stringify(name)}: expected a fault's id, or a category of ${categories.join(", ")}`,
    );
  }
  return all.filter((fault) => names.length === 0 || names.some((name) => isNamed(fault, name)));
}
