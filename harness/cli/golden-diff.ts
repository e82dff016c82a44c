import type { Command } from "commander";
import { isSame } from "../golden/diff.ts";
import { renderDiff } from "../golden/diff-text.ts";
import { casesFolder, goldenFolder, loadCases } from "../case/discover.ts";
import { createPool } from "../engine/pool.ts";
import type { Compared } from "../golden/source.ts";
import { compareGoldens, folderSource, freshSource, sourceAgainst } from "../golden/source.ts";
import { goldenCases } from "../golden/update.ts";
import { exitCodes } from "../trace/errors.ts";
import { say, status, writeJson } from "./output.ts";

interface DiffFlags {
  readonly against?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `lockstep golden diff`: what changed in goldens, which git can't show. Exit code 1 where anything did. */
export function addGoldenDiff(golden: Command): void {
  golden
    .command("diff")
    .description("what a fresh recording would change in the goldens, or what changed in them since --against")
    .argument("[case...]", "case names or patterns, all when absent")
    .option("--against <where>", "a folder of goldens or a git revision, to compare the goldens with; no Python needed")
    .option("--all", "list every site")
    .option("--json", "the differences as JSON on stdout")
    .action(async (patterns: string[], { against, all = false, json }: DiffFlags) => {
      const folder = goldenFolder();
      const cases = goldenCases(await loadCases(casesFolder()), patterns);
      const pool = createPool({ report: say });
      const own = folderSource(folder);
      const [before, after] = against === undefined ? [own, freshSource(pool)] : [sourceAgainst(against, folder), own];
      const results: Compared[] = [];
      say(`from ${before.title} to ${after.title}`);
      try {
        for (const testCase of cases) {
          status(testCase.name);
          const result = await compareGoldens(testCase, before, after);
          results.push(result);
          if (!isQuiet(result)) say(describe(result, all));
        }
      } finally {
        status(null);
        await pool.close();
      }
      if (json) writeJson(results);
      const same = results.filter(isQuiet).length;
      say(`${same === results.length ? "ok" : "not ok"}   ${results.length - same} changed, ${same} the same`);
      process.exitCode = same === results.length ? exitCodes.pass : exitCodes.mismatch;
    });
}

function isQuiet(result: Compared): boolean {
  return result.state === "compared" && isSame(result.diff);
}

function describe(result: Compared, all: boolean): string {
  switch (result.state) {
    case "compared":
      return renderDiff(result.diff, { all });
    case "unreadable":
      return ` unreadable ${result.case}   ${result.reason}`;
    case "only before":
      return ` removed  ${result.case}`;
    case "only after":
      return ` added    ${result.case}`;
    case "in neither":
      return ` missing  ${result.case}   record it with: lockstep golden update ${result.case}`;
  }
}
