/** Planting a known fault, and rating what a verdict says of it. */
import type { Case } from "../case/case.ts";
import type { KnownFault } from "../engine/faults.ts";
import { UsageError } from "../trace/errors.ts";
import { parseSite } from "../trace/site.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { Explained, Found } from "./pages/selftest.ts";
import type { SizeCause } from "../verdict/culprit.ts";

/** The case that a fault is planted into. @throws UsageError when there is no such case. */
export function plant(fault: KnownFault, cases: readonly Case[]): Case {
  const testCase = cases.find(({ name }) => name === fault.case);
  if (!testCase) throw new UsageError(`fault ${fault.id}: there is no case ${fault.case}`);
  return { ...testCase, fault: fault.spec, faultId: fault.id };
}

/** The config fields that a reading of a wrong size is about. */
function fieldsOf(cause: SizeCause): string[] {
  return cause.kind === "replaced field" ? [cause.expected.field ?? "", cause.found.field ?? ""] : cause.fields;
}

/**
 * Rates an explanation by the ids of its candidates and of their synonyms, which the fault's `cause` matches; of a
 * wrong size, the config fields that its reading is about. right: the first explanation is the fault's cause, or one of
 * its synonyms is; listed: another explanation is; wrong: it is explained by something else; unexplained: no change
 * gives it.
 */
export function rateExplanation({ cause }: Pick<KnownFault, "cause">, { culprit }: Verdict): Explained {
  const explanation = culprit?.explanation;
  const readings = culprit?.shapes?.causes.filter(({ holds }) => holds).map(fieldsOf) ?? [];
  const solved = explanation && (explanation.status === "explained" || explanation.status === "ambiguous");
  const told = solved
    ? explanation.candidates.map(({ id, synonyms }) => [id, ...synonyms.map((synonym) => synonym.id)])
    : readings;
  if (told.length === 0) return "unexplained";
  const place =
    cause === undefined ? -1 : told.findIndex((texts) => texts.some((text) => new RegExp(cause).test(text)));
  return place === 0 ? "right" : place > 0 ? "listed" : "wrong";
}

/**
 * exact: the culprit is the fault's own site (and phase, where it has one); parent: the same module or one that
 * contains it, or is contained in it; wrong: elsewhere.
 */
export function locate(fault: Pick<KnownFault, "at" | "phase">, { status, culprit }: Verdict): Found {
  if (status === "error" ? !culprit : status !== "fail") return "undetected";
  if (!culprit) return "wrong";
  if (culprit.site === fault.at && (fault.phase === undefined || culprit.phase === fault.phase)) return "exact";
  const [found, wanted] = [parseSite(culprit.site).module, parseSite(fault.at).module];
  const related = found === wanted || wanted.startsWith(`${found}.`) || found.startsWith(`${wanted}.`);
  return related ? "parent" : "wrong";
}
