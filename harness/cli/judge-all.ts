import type { Verdict } from "../verdict/schema.ts";
import { renderSummary, renderVerdict } from "../report/terminal.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";
import { createPool } from "../engine/pool.ts";
import type { ReportOptions } from "./report-options.ts";
import { recentResults } from "../night/history/recent.ts";
import { writeReports } from "../report/files.ts";
import { UsageError } from "../trace/errors.ts";
import { exitCodeFor } from "./exit-code.ts";
import { say, sayCommand, status, writeJson } from "./output.ts";

/** Judges one case; `progress` is told the number of sites so far, and what is done when it is no longer judging. */
export type JudgeOne = (testCase: Case, progress: (sites: number, doing?: string) => void) => Promise<Verdict>;

/**
 * Judges cases one after the other with warm engines and says each verdict as it comes, then the summary. `prepare`
 * makes the judge once the pool is there; the reports are written before the summary. Sets the exit code.
 */
export async function judgeAll(options: {
  readonly cases: readonly Case[];
  readonly json: boolean | undefined;
  readonly prepare: (pool: EnginePool) => Promise<JudgeOne> | JudgeOne;
  readonly afterEach?: (pool: EnginePool, testCase: Case) => Promise<void>;
  /** Reports beside the lines on stderr. */
  readonly reports?: ReportOptions;
}): Promise<void> {
  const { cases, json, prepare, afterEach, reports = {} } = options;
  if (cases.length === 0)
    throw new UsageError(
      "no case is left of those that were asked for: expected at least one that this command can run",
    );
  const began = Date.now();
  const pool = createPool({ report: say });
  const verdicts: Verdict[] = [];
  try {
    const judgeOne = await prepare(pool);
    for (const [place, testCase] of cases.entries()) {
      const title = `${place + 1}/${cases.length}  ${testCase.name}`;
      status(title);
      const verdict = await judgeOne(testCase, (sites, doing = "") => status(`${title}  ${sites} sites  ${doing}`));
      verdicts.push(verdict);
      say(renderVerdict(verdict));
      await afterEach?.(pool, testCase);
    }
  } finally {
    status(null);
    await pool.close();
  }
  const { history, ...files } = reports;
  writeReports(verdicts, files, {
    say,
    command: sayCommand,
    ...(history !== undefined && { history: recentResults(history) }),
  });
  if (json) writeJson(verdicts);
  say(renderSummary(verdicts, (Date.now() - began) / 1000));
  process.exitCode = exitCodeFor(verdicts);
}
