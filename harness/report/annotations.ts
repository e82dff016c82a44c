/** Verdicts as workflow commands of GitHub Actions, which show them beside the changed files. */
import { harmlessVerdict } from "../verdict/harmless.ts";
import type { Verdict } from "../verdict/schema.ts";
import { causeText, findingsOf } from "./findings.ts";
import { placeText } from "../verdict/words/culprit.ts";

/**
 * One `::error` or `::warning` line for each case that is not as expected, at line 1 of the case's file. GitHub shows
 * ten of a kind for each step, hence one a case: further culprits are counted in its message.
 */
export function renderAnnotations(given: readonly Verdict[]): string[] {
  const verdicts = given.map(harmlessVerdict);
  return verdicts.flatMap((verdict) => {
    const [first, ...others] = findingsOf(verdict);
    if (!first) return [];
    const where = first.site === null ? "" : `${placeText({ site: first.site, phase: first.phase ?? "" })}: `;
    const lines = [
      `${where}${first.summary}`,
      first.cause && `cause: ${causeText(first)}`,
      first.source && `reference: ${first.source}`,
      first.remedy && `do: ${first.remedy}`,
      others.length > 0 && `and ${others.length} more that are wrong on their own`,
    ].filter(Boolean);
    const level = first.kind === "not-judged" ? "warning" : "error";
    const file = verdict.case_file === undefined ? "" : `file=${escapeProperty(verdict.case_file)},line=1,`;
    return [`::${level} ${file}title=${escapeProperty(`lockstep: ${verdict.case}`)}::${escapeData(lines.join("\n"))}`];
  });
}

function escapeData(raw: string): string {
  return raw.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(raw: string): string {
  return escapeData(raw).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
