import type { Command } from "commander";
import type { Verdict } from "../compare/verdict.ts";
import { casesFolder, loadCases } from "../run/discover.ts";
import { createPool } from "../run/engines.ts";
import type { KnownFault, Located } from "../run/faults.ts";
import { loadFaults, locate, plant } from "../run/faults.ts";
import { runCase } from "../run/live.ts";
import { runShapesCase } from "../run/shapes.ts";
import { exitCodes } from "../trace/errors.ts";
import { say, status } from "./output.ts";

/** `lockstep selftest`: plants every known fault and says whether, and where, it was found. */
export function addSelftest(program: Command): void {
  program
    .command("selftest")
    .description("plant known porting bugs in the engine and see whether they are found where they are")
    .argument("[fault...]", "fault ids or categories, all when absent")
    .action(async (names: string[]) => {
      const cases = await loadCases(casesFolder());
      const faults = (await loadFaults(casesFolder())).filter(
        ({ id, category }) => names.length === 0 || names.includes(id) || names.includes(category),
      );
      const pool = createPool({ report: say });
      const results: { fault: KnownFault; located: Located; verdict: Verdict }[] = [];
      try {
        for (const fault of faults) {
          status(fault.id);
          const found = plant(fault, cases);
          const verdict = found.kind === "shapes" ? await runShapesCase(pool, found) : await runCase(pool, found);
          const located = locate(fault, verdict);
          results.push({ fault, located, verdict });
          say(line(fault, located, verdict));
        }
      } finally {
        await pool.close();
      }
      const count = (wanted: Located): number => results.filter(({ located }) => located === wanted).length;
      const detected = results.length - count("undetected");
      say(
        `${detected}/${results.length} detected   ${count("exact")} exact, ${count("parent")} parent, ${count("wrong")} wrong`,
      );
      process.exitCode = count("undetected") + count("wrong") === 0 ? exitCodes.pass : exitCodes.mismatch;
    });
}

function line(fault: KnownFault, located: Located, { culprit, error }: Verdict): string {
  const label = { exact: "exact ", parent: "parent", wrong: "WRONG ", undetected: "MISSED" }[located];
  const where = culprit ? `${culprit.site} in ${culprit.phase}` : (error?.message ?? "");
  const wanted = located === "exact" ? "" : `   expected ${fault.at}${fault.phase ? ` in ${fault.phase}` : ""}`;
  return `${label} ${fault.category.padEnd(22)} ${fault.id.padEnd(34)} ${where}${wanted}`;
}
