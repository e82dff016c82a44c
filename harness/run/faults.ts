import { globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import type { Verdict } from "../compare/verdict.ts";
import type { FaultSpec } from "../engine/protocol.ts";
import type { Explained, Found } from "../report/selftest.ts";
import { UsageError } from "../trace/errors.ts";
import { parseSite } from "../trace/site.ts";
import type { Case } from "./case.ts";

/** What the harness knows of a planted fault; what it does is the engine's business. */
const faultFacts = z.object({
  id: z.string(),
  title: z.string(),
  category: z.string(),
  case: z.string(),
  at: z.string(),
  phase: z.string().optional(),
  /** A pattern that the id or a sentence of the right explanation matches; absent where no counterfactual can give it. */
  cause: z.string().optional(),
});

/** A known porting bug that can be planted, with the place where it must be found. */
export type KnownFault = z.infer<typeof faultFacts> & { readonly spec: FaultSpec };

/**
 * All faults under `<cases>/faults/`: every export of every file that has an id; an export \`causes\` says by id how each is to be explained.
 * @throws UsageError for one that is not complete, or twice. */
export async function loadFaults(casesFolder: string): Promise<KnownFault[]> {
  const faults: KnownFault[] = [];
  const causes = new Map<string, string>();
  const files = globSync("faults/*.{ts,js}", { cwd: casesFolder }).filter((file) => !/\.(test|d)\.[tj]s$/.test(file));
  for (const file of files.toSorted()) {
    const module = join(casesFolder, file);
    const loaded = (await import(pathToFileURL(module).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(loaded)) {
      if (name === "causes") for (const [id, cause] of Object.entries(value as object)) causes.set(id, String(cause));
      if (typeof value !== "object" || value === null || !("id" in value)) continue;
      const parsed = faultFacts.safeParse(value);
      if (!parsed.success)
        throw new UsageError(
          `${file}, ${name}: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
        );
      if (faults.some(({ id }) => id === parsed.data.id))
        throw new UsageError(`${file}, ${name}: fault ${parsed.data.id} is defined twice`);
      faults.push({ ...parsed.data, spec: { module, name } });
    }
  }
  const strays = [...causes.keys()].filter((id) => !faults.some((fault) => fault.id === id));
  if (strays.length > 0) throw new UsageError(`faults/causes: no such fault: ${strays.join(", ")}`);
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

/** The case that a fault is planted into. @throws UsageError when there is no such case. */
export function plant(fault: KnownFault, cases: readonly Case[]): Case {
  const found = cases.find(({ name }) => name === fault.case);
  if (!found) throw new UsageError(`fault ${fault.id}: there is no case ${fault.case}`);
  return { ...found, fault: fault.spec, faultId: fault.id };
}

/**
 * right: the first explanation is the fault's cause, or one of its synonyms is; listed: another explanation is; wrong: it is explained by something else;
 * unexplained: no change gives it.
 */
export function rateExplanation({ cause }: Pick<KnownFault, "cause">, { culprit }: Verdict): Explained {
  const explanation = culprit?.explanation;
  const readings = culprit?.readings.filter(({ holds }) => holds).map(({ claim }) => [claim]) ?? [];
  const solved = explanation && (explanation.status === "explained" || explanation.status === "ambiguous");
  const told = solved
    ? explanation.candidates.map(({ id, sentence, synonyms }) => [id, sentence, ...synonyms])
    : readings;
  if (told.length === 0) return "unexplained";
  const place =
    cause === undefined ? -1 : told.findIndex((texts) => texts.some((text) => new RegExp(cause).test(text)));
  return place === 0 ? "right" : place > 0 ? "listed" : "wrong";
}

/**
 * exact: the culprit is the fault's own site (and phase, where it has one); parent: the same module or one that contains it, or is contained in it;
 * wrong: elsewhere.
 */
export function locate(fault: Pick<KnownFault, "at" | "phase">, { status, culprit }: Verdict): Found {
  if (status === "error" ? !culprit : status !== "fail") return "undetected";
  if (!culprit) return "wrong";
  if (culprit.site === fault.at && (fault.phase === undefined || culprit.phase === fault.phase)) return "exact";
  const [found, wanted] = [parseSite(culprit.site).module, parseSite(fault.at).module];
  const related = found === wanted || wanted.startsWith(`${found}.`) || found.startsWith(`${wanted}.`);
  return related ? "parent" : "wrong";
}
