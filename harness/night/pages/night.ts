/** A night for people: a table of what was compared, what changed, and one last line. */
import { styleText } from "node:util";
import { format } from "../../verdict/words/ratio.ts";
import type { Changes, Moved } from "../history/changes.ts";
import { movedBy } from "../history/changes.ts";
import { listedFrom } from "../history/record.ts";
import type { NightLine, ResultLine } from "../history/record.ts";
import { countsText } from "../../verdict/words/outcome.ts";

type Style = Parameters<typeof styleText>[0];

/** Rows of one kind that are spelled out. */
const rowsShown = 12;

function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

/** Names of the columns of a table of results, the leftmost for its rows. */
interface Column {
  readonly head: readonly [string, string];
  readonly of: readonly ResultLine[];
}

/** Architectures x (engine, reference, dtype): results as expected, of how many, and the worst ratio. */
export function renderTable(results: readonly ResultLine[]): string {
  const engines = new Set(results.map(({ engine }) => engine));
  const columns = new Map<string, Column & { of: ResultLine[] }>();
  for (const result of results) {
    const { engine, dtype, reference } = result;
    const side = engines.size > 1 ? `${engine} vs ${reference.version}` : `transformers ${reference.version}`;
    const key = `${side}\0${dtype}`;
    const column = columns.get(key) ?? { head: [side, dtype], of: [] };
    column.of.push(result);
    columns.set(key, column);
  }
  const rows = [...new Set(results.map(architectureOf))];
  const cells = [...columns.values()]
    .toSorted((a, b) => Number(a.head[1] === "shapes") - Number(b.head[1] === "shapes"))
    .map((column, place, all) => {
      const repeated = all[place - 1]?.head[0] === column.head[0];
      const own = rows.map((row) => cellOf(column.of.filter((result) => architectureOf(result) === row)));
      return { head: [repeated ? "" : column.head[0], column.head[1]], own };
    });
  const left = Math.max(...rows.map((row) => row.length));
  const widths = cells.map(({ head, own }) => Math.max(head[1]!.length, ...own.map(({ text }) => text.length)) + 3);
  // A reference's name reaches over the columns of its other dtypes; what it needs beyond, the last of them gives.
  for (let at = 0; at < cells.length;) {
    const group = cells.findIndex(({ head }, place) => place > at && head[0] !== "");
    const stop = group === -1 ? cells.length : group;
    const have = widths.slice(at, stop).reduce((sum, width) => sum + width, 0);
    widths[stop - 1]! += Math.max(0, cells[at]!.head[0]!.length + 3 - have);
    at = stop;
  }
  const lines = [
    headLine(cells, widths, left),
    " ".repeat(left + 3) + cells.map(({ head }, at) => head[1]!.padEnd(widths[at]!)).join(""),
  ];
  for (const [place, row] of rows.entries()) {
    const texts = cells.map(({ own }, at) => {
      const { text, good } = own[place]!;
      const padded = text.padEnd(widths[at]!);
      return text === "" ? padded : paint(good ? "green" : "red", padded);
    });
    lines.push(`${row.padEnd(left)}   ${texts.join("")}`);
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}

function headLine(cells: readonly { head: readonly string[] }[], widths: readonly number[], left: number): string {
  let line = " ".repeat(left + 3);
  let start = left + 3;
  for (const [at, { head }] of cells.entries()) {
    if (head[0] !== "") line = `${line.padEnd(start)}${head[0]}  `;
    start += widths[at]!;
  }
  return line;
}

function architectureOf({ case: name }: ResultLine): string {
  return name.split("/")[0]!;
}

function cellOf(results: readonly ResultLine[]): { text: string; good: boolean } {
  if (results.length === 0) return { text: "", good: true };
  const met = results.filter((result) => result.met).length;
  const ratios = results.filter(({ status }) => status === "pass").flatMap(({ worst }) => (worst ? [worst.ratio] : []));
  const worst = ratios.length > 0 ? ` ${format(Math.max(...ratios))}x` : "";
  return { text: `${met}/${results.length}${worst}`, good: met === results.length };
}

/** A night against the last green one before it, and against the median of the last nights. */
export function renderChanges(
  night: NightLine,
  since: { readonly night: NightLine; readonly changes: Changes } | null,
  regressions: readonly Moved[],
): string {
  const lines = since
    ? sinceLines(night, since.night, since.changes)
    : ["no green night before this one to compare with"];
  if (regressions.length > 0) {
    const nights = Math.max(...regressions.map((moved) => moved.nights ?? 0));
    lines.push(
      paint(
        "yellow",
        `below the limit, but at least ${movedBy} times the median of the last ${nights === 1 ? "night" : `${nights} nights`}`,
      ),
      ...some(regressions.map((moved) => movedLine(moved))),
    );
  }
  return lines.join("\n");
}

function sinceLines(night: NightLine, before: NightLine, changes: Changes): string[] {
  const { versions, turned, moved, appeared, gone } = changes;
  const row = (name: string, text: string): string => `  ${name.padEnd(8)} ${text}`;
  const commits = [before, night].map(({ commit }) => sayCommit(commit));
  const lines = [
    ...(commits[0] === commits[1] ? [] : [row("commit", `${commits[0]} -> ${commits[1]}`)]),
    ...(before.harness === night.harness ? [] : [row("lockstep", `${before.harness} -> ${night.harness}`)]),
    ...some(versions.map(({ name, from, to }) => row("version", `${name}   ${from} -> ${to}`))),
    ...some(turned.flatMap((pair) => turnedLines(pair).map((line, place) => row(place === 0 ? "turned" : "", line)))),
    ...some(moved.map((one) => row("moved", movedLine(one).trim()))),
    ...(appeared.length > 0 ? [row("new", named(appeared))] : []),
    ...(gone.length > 0 ? [row("gone", named(gone))] : []),
  ];
  const title = `since the last green night ${before.night}`;
  return lines.length === 0 ? [`${title}: nothing changed`] : [title, ...lines];
}

function turnedLines({ now, before }: Changes["turned"][number]): string[] {
  const { culprit, error, sites } = now;
  const lines = [`${titleOf(now)}   ${sayStatus(before)} -> ${paint(now.met ? "green" : "red", sayStatus(now))}`];
  if (now.met) return lines;
  if (error) return [...lines, `  ${error.message.split("\n")[0]}`];
  if (!culprit) return lines;
  const ratios =
    sites[culprit.site] === undefined
      ? ""
      : `   ${times(before.sites[culprit.site])} -> ${times(sites[culprit.site])} noise`;
  return [...lines, `  ${culprit.site}   in ${culprit.phase}${ratios}`, `  ${culprit.cause ?? culprit.summary}`];
}

function movedLine({ result, site, before, now }: Moved): string {
  return `  ${titleOf(result)}   ${site}   ${times(before)} -> ${times(now)} noise, limit ${result.limit}x`;
}

function times(ratio: number | undefined): string {
  return ratio === undefined || ratio <= listedFrom ? `at most ${listedFrom}x` : `${format(ratio)}x`;
}

function titleOf({ case: name, engine, dtype, reference }: ResultLine): string {
  const roles = reference.roles.filter((role) => role !== reference.version);
  return `${name}  ${engine}  ${dtype}  transformers ${reference.version}${roles.length > 0 ? ` (${roles.join(", ")})` : ""}`;
}

function sayStatus({ status, met }: ResultLine): string {
  if (status === "fail" && met) return "fails as expected";
  return status === "pass" && !met ? "passes unexpectedly" : status;
}

function named(results: readonly ResultLine[]): string {
  const names = [...new Set(results.map(({ case: name }) => name))];
  return `${results.length} results: ${names.slice(0, 6).join(", ")}${names.length > 6 ? `, and ${names.length - 6} more cases` : ""}`;
}

function some(lines: readonly string[]): string[] {
  const hidden = lines.length - rowsShown;
  return hidden > 0
    ? [...lines.slice(0, rowsShown), `  and ${hidden} more lines: lockstep history --json`]
    : [...lines];
}

/** `1a2b3c4`, with a `+` where files differed from it. */
export function sayCommit(commit: NightLine["commit"]): string {
  return commit ? `${commit.id.slice(0, 7)}${commit.dirty ? "+" : ""}` : "no commit";
}

/** Seconds as people say them. */
export function sayTime(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Says in one line how a night ended; `file` is where it was written. */
export function renderNightLine(
  { night, seconds, green }: NightLine,
  results: readonly ResultLine[],
  { regressions, file }: { readonly regressions: number; readonly file: string },
): string {
  const sites = (pick: "compared" | "total"): string =>
    results.reduce((sum, result) => sum + result[pick], 0).toLocaleString("en-US");
  const parts = [
    `night ${night}`,
    countsText(results),
    `${sites("compared")}/${sites("total")} sites`,
    ...(regressions > 0 ? [`${regressions} regression${regressions === 1 ? "" : "s"} below the limit`] : []),
    `${sayTime(seconds)} of work`,
    file,
  ];
  return paint(green ? "green" : "red", `${green ? "ok" : "not ok"}   ${parts.join("   ")}`);
}
