import type { Reporter, TestModule } from "vitest/node";
import type { Verdict } from "../verdict/schema.ts";
import { renderSummary } from "../report/terminal.ts";
import type { ReportFlags } from "../report/files.ts";
import { recentResults } from "../night/history/recent.ts";
import { printable } from "../trace/harmless.ts";
import { writeReports } from "../report/files.ts";

/** Files that the reporter writes, and the folder of `lockstep nightly` whose nights the HTML report shows. */
export interface ReporterOptions extends ReportFlags {
  readonly history?: string;
}

/**
 * A vitest reporter that collects the verdicts of all tests and writes them as `html`, `markdown`, `junit`, `sarif`
 * files; in GitHub Actions also annotations and the step summary. Verdicts travel with the tests, so `--merge-reports`
 * of shards writes one report of all.
 */
export function lockstepReporter(files: ReporterOptions = { html: "reports/index.html" }): Reporter {
  const command = (line: string): void => void process.stderr.write(`${line}\n`);
  const say = (line: string): void => command(printable(line));
  return {
    onTestRunEnd(modules) {
      const verdicts = verdictsOf(modules);
      if (verdicts.length === 0) return;
      const { history, ...reports } = files;
      writeReports(verdicts, reports, {
        say,
        command,
        ...(history !== undefined && { history: recentResults(history) }),
      });
      say(
        renderSummary(
          verdicts,
          verdicts.reduce((sum, { seconds }) => sum + seconds, 0),
        ),
      );
    },
  };
}

/** The verdicts that the tests of these modules left, in their order. */
export function verdictsOf(modules: readonly Pick<TestModule, "children">[]): Verdict[] {
  return modules.flatMap(({ children }) => [...children.allTests()].flatMap((test) => test.meta().lockstep ?? []));
}
