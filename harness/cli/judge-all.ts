import type { Verdict } from "../compare/verdict.ts";
import { renderSummary, renderVerdict } from "../report/terminal.ts";
import type { Case } from "../run/case.ts";
import type { EnginePool } from "../run/engines.ts";
import { createPool } from "../run/engines.ts";
import type { ReportFlags } from "../run/report-files.ts";
import { writeReports } from "../run/report-files.ts";
import { exitCodeFor } from "./exit-code.ts";
import { say, status } from "./output.ts";

/** Judges one case; `progress` is told the number of sites so far, and what is done when it is no longer judging. */
export type JudgeOne = (found: Case, progress: (sites: number, doing?: string) => void) => Promise<Verdict>;

/**
 * Judges cases one after the other with warm engines and says each verdict as it comes, then the summary. `prepare` makes the judge once the pool is there;
 * the reports are written before the summary. Sets the exit code.
 */
export async function judgeAll(options: {
  readonly cases: readonly Case[];
  readonly json: boolean | undefined;
  readonly prepare: (pool: EnginePool) => Promise<JudgeOne> | JudgeOne;
  readonly afterEach?: (pool: EnginePool, found: Case) => Promise<void>;
  /** Reports beside the lines on stderr. */
  readonly reports?: ReportFlags;
}): Promise<void> {
  const { cases, json, prepare, afterEach, reports = {} } = options;
  const began = Date.now();
  const pool = createPool({ report: say });
  const verdicts: Verdict[] = [];
  try {
    const judgeOne = await prepare(pool);
    for (const [place, found] of cases.entries()) {
      const title = `${place + 1}/${cases.length}  ${found.name}`;
      status(title);
      const verdict = await judgeOne(found, (sites, doing = "") => status(`${title}  ${sites} sites  ${doing}`));
      verdicts.push(verdict);
      say(renderVerdict(verdict));
      await afterEach?.(pool, found);
    }
  } finally {
    status(null);
    await pool.close();
  }
  writeReports(verdicts, reports, say);
  if (json) process.stdout.write(`${JSON.stringify(verdicts, null, 2)}\n`);
  say(renderSummary(verdicts, (Date.now() - began) / 1000));
  process.exitCode = exitCodeFor(verdicts);
}
