import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Verdict } from "../compare/verdict.ts";
import { packageRoot } from "../engine/registry.ts";
import { journalPath, openHistory } from "../history/index-file.ts";
import type { ResultLine } from "../history/record.ts";
import { renderAnnotations } from "../report/annotations.ts";
import { renderHtml } from "../report/html/render.ts";
import { renderJunit } from "../report/junit.ts";
import { renderMarkdown } from "../report/markdown.ts";
import { renderSarif } from "../report/sarif.ts";
import { UsageError } from "../trace/errors.ts";

/** Files that a run writes beside what it prints. */
export interface ReportFlags {
  readonly html?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly sarif?: string;
  /** The folder of `lockstep nightly`: the HTML report shows how its cases went. */
  readonly history?: string;
}

/** Nights that a report shows. */
const nightsShown = 60;

type Kind = Exclude<keyof ReportFlags, "history">;

const writers: Readonly<Record<Kind, (verdicts: readonly Verdict[], history: readonly ResultLine[]) => string>> = {
  html: renderHtml,
  markdown: (verdicts) => renderMarkdown(verdicts),
  junit: renderJunit,
  sarif: (verdicts) => renderSarif(verdicts, ownVersion()),
};

/**
 * Writes the files that were asked for. In GitHub Actions (`GITHUB_ACTIONS`) also prints an annotation for each case that is not as expected, and appends the summary to
 * the step's (`GITHUB_STEP_SUMMARY`). `say` prints a line to stderr.
 */
export function writeReports(
  verdicts: readonly Verdict[],
  flags: ReportFlags,
  say: (line: string) => void,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): void {
  const history = flags.history === undefined ? [] : readNights(flags.history);
  for (const kind of Object.keys(writers) as Kind[]) {
    const file = flags[kind];
    if (file !== undefined) say(`report ${writeReport(file, writers[kind](verdicts, history))}`);
  }
  if (!environment["GITHUB_ACTIONS"]) return;
  for (const line of renderAnnotations(verdicts)) say(line); // the runner reads commands from stderr too, and stdout belongs to --json
  const summary = environment["GITHUB_STEP_SUMMARY"];
  if (summary) appendFileSync(summary, `${renderMarkdown(verdicts)}\n`);
}

/** The results of the latest nights in a folder. @throws UsageError when there is no history in it */
function readNights(folder: string): ResultLine[] {
  if (!existsSync(journalPath(folder)))
    throw new UsageError(`--history ${folder}: no history there; expected the folder that lockstep nightly writes`);
  using history = openHistory(folder);
  return history
    .nights()
    .slice(-nightsShown)
    .flatMap(({ night }) => history.results(night));
}

/** Writes a file with its folders; returns how to name it. */
export function writeReport(file: string, content: string): string {
  const target = resolve(file);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.tmp`, content);
  renameSync(`${target}.tmp`, target);
  return file.startsWith(packageRoot) ? target.slice(packageRoot.length + 1) : file;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };
  return version;
}
