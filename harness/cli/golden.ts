import type { Command } from "commander";
import { chooseEngine } from "../engine/registry.ts";
import { writeGolden } from "../golden/format.ts";
import { writeShapesGolden } from "../golden/shapes.ts";
import { casesFolder, goldenFolder, loadCases, selectCases } from "../run/discover.ts";
import { createPool } from "../run/engines.ts";
import { checkGolden } from "../run/golden.ts";
import { recordGolden } from "../run/golden-record.ts";
import type { ReportFlags } from "../run/report-files.ts";
import { checkShapesGolden, recordShapes } from "../run/shapes.ts";
import { judgeAll } from "./judge-all.ts";
import { say, status } from "./output.ts";
import { addReportOptions } from "./report-options.ts";

interface CheckFlags extends ReportFlags {
  readonly engine?: string;
  readonly json?: boolean;
}

/** `lockstep golden record | check`. */
export function addGolden(program: Command): void {
  const golden = program.command("golden").description("recorded references: check an engine without Python");
  golden
    .command("record")
    .description("record the reference's traces as sketches in golden/")
    .argument("[case...]", "case names or patterns, all when absent")
    .action(async (patterns: string[]) => {
      const pool = createPool({ report: say });
      try {
        for (const found of selectCases(await loadCases(casesFolder()), patterns)) {
          status(found.name);
          const file =
            found.kind === "shapes"
              ? writeShapesGolden(goldenFolder(), await recordShapes(pool, found))
              : writeGolden(goldenFolder(), await recordGolden(pool, found));
          say(`recorded ${file}   ${found.name}`);
        }
      } finally {
        await pool.close();
      }
    });
  const check = golden
    .command("check")
    .description("compare engines with the goldens")
    .argument("[case...]", "case names or patterns, all when absent")
    .option("--engine <name>", "engine under test")
    .option("--json", "verdicts as JSON on stdout");
  addReportOptions(check).action(async (patterns: string[], flags: CheckFlags) => {
    if (flags.engine !== undefined) chooseEngine(flags.engine); // refuses an unknown one before anything starts
    const options = { folder: goldenFolder(), ...(flags.engine && { engine: flags.engine }) };
    await judgeAll({
      cases: selectCases(await loadCases(casesFolder()), patterns),
      json: flags.json,
      prepare: (pool) => (found) => (found.kind === "shapes" ? checkShapesGolden : checkGolden)(pool, found, options),
      reports: flags,
    });
  });
}
