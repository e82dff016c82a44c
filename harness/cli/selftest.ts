import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Verdict } from "../verdict/schema.ts";
import { packageRoot } from "../engine/registry.ts";
import type { SelftestRow } from "../selftest/pages/selftest.ts";
import { countFound, renderSelftest } from "../selftest/pages/selftest.ts";
import { goldenSectionOf, withGoldenSection } from "../selftest/pages/goldens.ts";
import { changeText } from "../verdict/words/change.ts";
import { casesFolder, loadCases } from "../case/discover.ts";
import { createPool } from "../engine/pool.ts";
import { plant } from "../selftest/faults.ts";
import type { FaultFigures } from "../selftest/record.ts";
import { figuresOf, renderRecords } from "../selftest/record.ts";
import { faultFolders, loadFaults, selectFaults } from "../engine/faults.ts";
import { exitCodes, UsageError } from "../trace/errors.ts";
import { say, status } from "./output.ts";
import { selftestGoldens } from "./selftest-golden.ts";
import { runAny } from "../golden/kinds.ts";

interface Flags {
  readonly dtype: "float32" | "bfloat16" | "float16";
  readonly write?: boolean;
  readonly json?: boolean;
  readonly golden?: boolean;
  readonly numbers?: readonly [number, number];
}

const page = join(packageRoot, "docs", "selftest.md");

/** `lockstep selftest`: plants every known fault and says whether, and where, it was found. */
export function addSelftest(program: Command): void {
  program
    .command("selftest")
    .description("plant known porting bugs in the engine and see whether they are found where they are")
    .argument("[fault...]", "fault ids or categories, all when absent")
    .option("--dtype <dtype>", "float32, bfloat16 or float16", "float32")
    .option("--golden", "against the goldens: no Python, and no causes")
    .option(
      "--numbers <first,later>",
      "with --golden: numbers of a sketch that are used, to measure how many it needs",
      twoNumbers,
    )
    .option(
      "--write",
      "write record.json beside the faults and, of all of them, docs/selftest.md; with --golden its part about goldens",
    )
    .option("--json", "what was found of each fault as JSON on stdout")
    .action(async (names: string[], { dtype, write = false, json = false, golden = false, numbers }: Flags) => {
      if (golden && dtype !== "float32") throw new UsageError(`--dtype ${dtype}: goldens are of float32`);
      if (golden && json) throw new UsageError("--json: not with --golden");
      if (golden) return selftestGoldens(names, { page, write, numbers });
      const cases = await loadCases(casesFolder());
      const all = await loadFaults(faultFolders(casesFolder()));
      const faults = selectFaults(all, names);
      const pool = createPool({ report: say });
      const rows: SelftestRow[] = [];
      const figures: FaultFigures[] = [];
      try {
        await pool.reference(); // without one there is nothing to compare with, whatever the fault
        for (const [place, fault] of faults.entries()) {
          status(`${place + 1}/${faults.length}  ${fault.id}`);
          const planted = plant(fault, cases);
          const verdict = await runAny(pool, planted, { dtype });
          const figure = figuresOf(fault, verdict);
          figures.push(figure);
          rows.push({ ...fault, located: figure.status, explained: figure.rating, verdict: withoutSites(verdict) });
          say(line(rows.at(-1)!));
        }
      } finally {
        await pool.close();
      }
      if (write) {
        if (rows.length === all.length)
          writeFileSync(page, withGoldenSection(renderSelftest(rows, dtype), sectionOnDisk()));
        if (dtype === "float32") for (const [file, text] of renderRecords(all, figures)) writeFileSync(file, text);
      }
      if (json) process.stdout.write(`${JSON.stringify({ dtype, faults: figures }, null, 2)}\n`);
      const { total, detected, exact, parent, wrong, undetected, explained } = countFound(rows);
      say(`${detected}/${total} detected   ${exact} exact, ${parent} parent, ${wrong} wrong`);
      const { right, listed } = explained;
      say(
        `explained: ${right} right, ${listed} listed, ${explained.wrong} wrong, ${explained.unexplained} unexplained`,
      );
      process.exitCode = undetected + wrong === 0 ? exitCodes.pass : exitCodes.mismatch;
    });
}

/** The section about goldens of the page as it is on disk, which the live selftest keeps; null where there is none. */
function sectionOnDisk(): string | null {
  return existsSync(page) ? goldenSectionOf(readFileSync(page, "utf8")) : null;
}

/** "16,4" as two numbers. @throws UsageError for anything else. */
function twoNumbers(text: string): [number, number] {
  const match = /^([1-9]\d*),([1-9]\d*)$/.exec(text);
  if (!match) throw new UsageError(`--numbers ${text}: expected two whole numbers, such as 16,4`);
  return [Number(match[1]), Number(match[2])];
}

/** A verdict without its thousands of sites, but for the culprit's, which is needed here. */
function withoutSites(verdict: Verdict): Verdict {
  const { culprit } = verdict;
  return {
    ...verdict,
    sites: verdict.sites.filter(({ site, phase }) => site === culprit?.site && phase === culprit.phase),
  };
}

function line({ located, explained, category, id, at, verdict: { culprit, error } }: SelftestRow): string {
  const label = { exact: "exact ", parent: "parent", wrong: "WRONG ", undetected: "MISSED" }[located];
  const where = culprit ? `${culprit.site} in ${culprit.phase}` : (error?.message ?? "");
  const wanted = located === "exact" ? "" : `   expected ${at}`;
  const head = `${label} ${category.padEnd(22)} ${id.padEnd(34)} ${where}${wanted}`;
  const explanation = culprit?.explanation;
  if (!explanation) return `${head}\n       ${explained}`;
  const { tried, seconds, candidates } = explanation;
  const [first, ...others] = candidates;
  const sentence = first ? `${changeText(first)} [${first.id}]` : "no change gives it";
  const more = others.length > 0 ? `, or ${others.map((other) => other.id).join(" | ")}` : "";
  return `${head}\n       ${explained}: ${sentence}${more}   (${tried} tried in ${seconds.toFixed(1)} s)`;
}
