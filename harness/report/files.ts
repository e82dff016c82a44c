import { appendFileSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeWhole } from "../trace/whole-file.ts";
import type { Verdict } from "../verdict/schema.ts";
import { packageRoot } from "../engine/registry.ts";
import { renderAnnotations } from "./annotations.ts";
import { renderHtml } from "./html/render.ts";
import type { PastResult } from "./html/trend.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import { renderSarif } from "./sarif.ts";

/** Files that a run writes beside what it prints. */
export interface ReportFlags {
  readonly html?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly sarif?: string;
}

type Kind = keyof ReportFlags;

const writers: Readonly<Record<Kind, (verdicts: readonly Verdict[], history: readonly PastResult[]) => string>> = {
  html: renderHtml,
  markdown: (verdicts) => renderMarkdown(verdicts),
  junit: renderJunit,
  sarif: (verdicts) => renderSarif(verdicts, ownVersion()),
};

/**
 * Writes the files that were asked for. In GitHub Actions (`GITHUB_ACTIONS`) also prints an annotation for each case
 * that is not as expected, and appends the summary to the step's (`GITHUB_STEP_SUMMARY`). `say` prints a line to
 * stderr.
 */
export function writeReports(
  verdicts: readonly Verdict[],
  flags: ReportFlags,
  options: {
    readonly say: (line: string) => void;
    /** Writes a command of GitHub Actions as it is; its texts are escaped. */
    readonly command: (line: string) => void;
    /** The results of earlier nights: the HTML report shows how its cases went. */
    readonly history?: readonly PastResult[];
    readonly environment?: Readonly<Record<string, string | undefined>>;
  },
): void {
  const { say, command, history = [], environment = process.env } = options;
  for (const kind of Object.keys(writers) as Kind[]) {
    const file = flags[kind];
    if (file !== undefined) say(`report ${writeReport(file, writers[kind](verdicts, history))}`);
  }
  if (!environment["GITHUB_ACTIONS"]) return;
  for (const line of renderAnnotations(verdicts)) command(line); // the runner reads commands from stderr too, and stdout belongs to --json
  const summary = environment["GITHUB_STEP_SUMMARY"];
  if (summary) appendFileSync(summary, `${renderMarkdown(verdicts)}\n`);
}

/** Writes a file with its folders, or to a pipe or device, as `writeWhole` does; returns how to name it. */
export function writeReport(file: string, content: string): string {
  writeWhole(file, content);
  return file.startsWith(packageRoot) ? resolve(file).slice(packageRoot.length + 1) : file;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };
  return version;
}
