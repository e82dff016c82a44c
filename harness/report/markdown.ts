/** Verdicts as Markdown for a pull request or the step summary of a CI job. */
import { format } from "../verdict/words/ratio.ts";
import { harmlessVerdict } from "../verdict/harmless.ts";
import type { Verdict } from "../verdict/schema.ts";
import { powerPercent } from "./explanation.ts";
import type { Finding } from "./findings.ts";
import { enginesText, findingsOf, plainVerdict } from "./findings.ts";
import { code, fenced, text } from "./markdown-escape.ts";
import { countsText, outcomeOf } from "../verdict/words/outcome.ts";

/** A comment on GitHub holds 65,536 characters; what does not fit is counted, never cut in the middle. */
const largestSummary = 60_000;
/** Culprits of one case that are spelled out. */
const findingsShown = 4;

/**
 * A heading with the counts, a table of all cases, and for each failing case where, what, the cause with both
 * distances, and how to run it again. Cases and details that would pass `limit` characters are counted in place of
 * being shown; the failing ones come first in the table.
 */
export function renderMarkdown(given: readonly Verdict[], limit = largestSummary): string {
  const verdicts = given.map(harmlessVerdict);
  const failing = verdicts.filter(({ met }) => !met);
  const ordered = [...failing, ...verdicts.filter(({ met }) => met)];
  const table = ["|  | case | engine | sites | worst | power |", "| --- | --- | --- | --: | --: | --: |"];
  const head = [`### lockstep: ${countsText(verdicts) || "no cases"}`, "", ...table].join("\n");
  const { taken: rows, left: hiddenRows } = fill(ordered, rowOf, limit / 2 - head.length);
  const more = hiddenRows > 0 ? `\n\n${hiddenRows} more cases are not listed.` : "";
  const top = `${[head, ...rows].join("\n")}${more}\n`;
  const { taken: details, left: hidden } = fill(failing, detailOf, limit - top.length - 200);
  const rest = hidden > 0 ? [`${hidden} more failing cases: see the log or the report.\n`] : [];
  return [top, ...details, ...rest].join("\n");
}

/** The verdicts as pieces of text, as many as fit into `room` characters, and how many are left. */
function fill(verdicts: readonly Verdict[], write: (one: Verdict) => string, room: number) {
  const taken: string[] = [];
  let used = 0;
  for (const one of verdicts) {
    const piece = write(one);
    used += piece.length + 1;
    if (used > room) break;
    taken.push(piece);
  }
  return { taken, left: verdicts.length - taken.length };
}

function rowOf(verdict: Verdict): string {
  const { met, coverage, worst, power, status, dtype, mode } = verdict;
  const how = mode === "live" ? dtype : mode === "golden" ? `${dtype}, golden` : "shapes only";
  const cells = [
    `${met ? "✅" : status === "unknown" ? "⚠️" : "❌"} ${outcomeOf(verdict)}`,
    code(verdict.case),
    text(`${enginesText(verdict)}, ${how}`),
    status === "error" ? "" : `${coverage.compared}/${coverage.total}`,
    worst ? `${format(worst.ratio)}x` : "",
    power ? powerPercent(power) : "",
  ];
  return `| ${cells.join(" | ")} |`;
}

function detailOf(verdict: Verdict): string {
  const findings = findingsOf(verdict);
  const hidden = findings.length - findingsShown;
  return [
    `#### ${code(verdict.case)}: ${outcomeOf(verdict)}`,
    "",
    ...findings.slice(0, findingsShown).map(findingText),
    ...(hidden > 0 ? [`- and ${hidden} more places that are wrong on their own`] : []),
    ...rerunLines(verdict),
    "",
    "<details><summary>the verdict</summary>",
    "",
    fenced(plainVerdict(verdict)),
    "",
    "</details>",
    "",
  ].join("\n");
}

function findingText({ site, phase, summary, cause, distances, source, remedy, alsoSaid }: Finding): string {
  const inPhase = phase === "shapes" ? "" : ` in ${code(phase ?? "?")}`;
  const where = site === null ? "" : `**where** ${code(site)}${inPhase}`;
  const what = `**what** ${text(summary)}`;
  return [
    `- ${where || what}`,
    ...(where ? [`  - ${what}`] : []),
    ...(cause ? [`  - **cause** ${text(cause)}`] : []),
    ...(distances ? [`  - **evidence** ${text(distances)}`] : []),
    ...(source ? [`  - **reference** ${code(source)}`] : []),
    ...(alsoSaid ? [`  - **also** ${text(alsoSaid)}`] : []),
    ...(remedy ? [`  - **do** ${text(remedy)}`] : []),
  ].join("\n");
}

/** The command that runs the case again; not for an engine that is no command line's matter. */
function rerunLines({ case: name, rerun, mode, dtype, seed }: Verdict): string[] {
  if (!rerun || rerun.engine.startsWith("object:")) return [];
  const quote = (word: string): string =>
    /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const command = mode === "golden" ? "golden check" : "run";
  const how = rerun.fault ? `--fault ${quote(rerun.fault)}` : quote(name);
  const unusual = mode === "live" ? [dtype !== "float32" && ` --dtype ${dtype}`, seed !== 0 && ` --seed ${seed}`] : [];
  const options = ` --engine ${quote(rerun.engine)}${unusual.filter(Boolean).join("")}`;
  return [`- **again** ${code(`npx lockstep ${command} ${how}${options}`)}`];
}
