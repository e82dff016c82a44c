/**
 * A history for people: the nights, and what changed since the last green one; of one case, its ratios over the nights.
 */
import { styleText } from "node:util";
import { format } from "../../verdict/words/ratio.ts";
import type { Changes, Moved } from "../history/changes.ts";
import type { NightLine, ResultLine } from "../history/record.ts";
import { renderChanges, sayCommit, sayTime } from "./night.ts";
import { countsText } from "../../verdict/words/outcome.ts";

function paint(good: boolean, text: string): string {
  return styleText(good ? "green" : "red", text, { stream: process.stderr });
}

/** The nights, the latest last, then what changed in the chosen one, then one line. */
export function renderHistory(options: {
  readonly nights: readonly NightLine[];
  readonly night: NightLine;
  readonly results: readonly ResultLine[];
  readonly since: { readonly night: NightLine; readonly changes: Changes } | null;
  readonly regressions: readonly Moved[];
}): string {
  const { nights, night, results, since, regressions } = options;
  const width = Math.max(...nights.map((one) => one.night.length));
  const rows = nights.map((one) => {
    const { green, commit, harness, results: count, seconds, asked } = one;
    const name = one.night.padEnd(width);
    const what = asked.cases.length > 0 ? asked.cases.join(" ") : "all cases";
    return `${paint(green, `${green ? "green" : "red  "}   ${name}`)}   ${count} results   ${sayCommit(commit)}   lockstep ${harness}   ${sayTime(seconds)}   ${what}`;
  });
  const { green } = night;
  const flagged = regressions.length > 0 ? `   ${regressions.length} below the limit` : "";
  return [
    ...rows,
    renderChanges(night, since, regressions),
    paint(green, `${green ? "green" : "red"}   night ${night.night}   ${countsText(results)}${flagged}`),
  ].join("\n");
}

/** The worst ratio of each of a case's results, night by night. */
export function renderTrend(
  name: string,
  nights: readonly { readonly night: NightLine; readonly results: readonly ResultLine[] }[],
): string {
  const title = ({ engine, dtype, reference }: ResultLine): string => `${engine}  ${dtype}  ${reference.roles[0]}`;
  const series = [...new Set(nights.flatMap(({ results }) => results.map(title)))];
  const width = Math.max(...nights.map(({ night }) => night.night.length));
  const lines = series.flatMap((one) => {
    const rows = nights.flatMap(({ night, results }) => {
      const result = results.find((candidate) => title(candidate) === one);
      return result ? [trendLine(night, result, width)] : [];
    });
    return [`${name}  ${one}`, ...rows];
  });
  return lines.join("\n");
}

function trendLine({ night, commit }: NightLine, result: ResultLine, width: number): string {
  const { worst, status, met, measured, reference, compared, total } = result;
  const ratio = worst ? `${format(worst.ratio)}x`.padStart(9) : "".padStart(9);
  const again = measured === night ? "" : `   as measured in ${measured}`;
  return `  ${paint(met, `${night.padEnd(width)}  ${status.padEnd(7)}`)} ${ratio}   ${worst?.site ?? result.error?.message.split("\n")[0] ?? ""}   ${compared}/${total} sites   transformers ${reference.version}   ${sayCommit(commit)}${again}`;
}
