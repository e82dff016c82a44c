import type { Reporter, TestModule } from "vitest/node";
import type { Verdict } from "../compare/verdict.ts";
import { renderSummary } from "../report/terminal.ts";
import type { ReportFlags } from "../run/report-files.ts";
import { writeReports } from "../run/report-files.ts";

/**
 * A vitest reporter that collects the verdicts of all tests and writes them as `html`, `markdown`, `junit`, `sarif` files; in GitHub Actions also annotations and the step
 * summary. Verdicts travel with the tests, so `--merge-reports` of shards writes one report of all.
 */
export function lockstepReporter(files: ReportFlags = { html: "reports/index.html" }): Reporter {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  return {
    onTestRunEnd(modules) {
      const verdicts = verdictsOf(modules);
      if (verdicts.length === 0) return;
      writeReports(verdicts, files, say);
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
