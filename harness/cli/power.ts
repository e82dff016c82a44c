import type { Command } from "commander";
import type { Power } from "../verdict/explanation.ts";
import { writePower } from "../golden/format/power.ts";
import { unitePower } from "../explain/power.ts";
import { findCases, goldenFolder } from "../case/discover.ts";
import { createPool } from "../engine/pool.ts";
import { defaultLimit } from "../run/live.ts";
import type { MeasuredPower } from "../run/power.ts";
import type { Suggestion } from "../run/suggest.ts";
import { suggestInputs } from "../run/suggest.ts";
import { changeText, holeReasonText } from "../verdict/words/change.ts";
import { caseKey } from "../case/key.ts";
import { measurePower } from "../run/power.ts";
import { UsageError } from "../trace/errors.ts";
import { say, status } from "./output.ts";
import { kindOf } from "../golden/kinds.ts";

/** Holes that are spelled out, a case. */
const holesShown = 12;

/** `lockstep power`: what a green verdict of a case is worth. */
export function addPower(program: Command): void {
  program
    .command("power")
    .description("which likely porting faults a case would see, and which not")
    .argument("[case...]", "case names, patterns or files, all when absent")
    .option("--json", "print the measured changes as JSON on stdout")
    .option("--all", "list every hole")
    .option("--suggest", "find the smallest change of each case's inputs that closes most holes")
    .action(async (named: string[], { json, all, suggest }: { json?: boolean; all?: boolean; suggest?: boolean }) => {
      const cases = (await findCases(named)).filter((testCase) => kindOf(testCase).hasValues);
      if (cases.length === 0) throw new UsageError("power needs a case that compares values; shapes cases have none");
      const pool = createPool({ report: say });
      const measured: MeasuredPower[] = [];
      try {
        for (const testCase of cases) {
          const one = await measurePower(pool, testCase, (done, places) =>
            status(`${testCase.name}: ${done}/${places} places`),
          );
          measured.push(one);
          writePower(goldenFolder(), testCase.name, caseKey(testCase), one.power);
          say(describe(testCase.name, one.power, all ? Number.POSITIVE_INFINITY : holesShown));
          if (suggest) say(describeSuggestions(await suggestInputs(pool, testCase, one, (title) => status(title))));
        }
      } finally {
        await pool.close();
      }
      if (json)
        process.stdout.write(
          `${JSON.stringify(measured.map(({ changes }, place) => ({ case: cases[place]!.name, changes })))}\n`,
        );
      if (measured.length > 1) {
        const facts = measured.map((one) => one.facts);
        const together = unitePower(
          measured.map(({ changes }) => changes),
          defaultLimit,
          {
            longest: Math.max(...facts.map(({ longest }) => longest)),
            sequences: Math.max(...facts.map(({ sequences }) => sequences)),
            padded: facts.some(({ padded }) => padded),
            decodes: facts.some(({ decodes }) => decodes),
            chunked: facts.some(({ chunked }) => chunked),
            media: facts.some(({ media }) => media),
          },
        );
        say(describe("all together", together, Number.POSITIVE_INFINITY));
      }
    });
}

function describe(name: string, { seen, total, holes }: Power, shown: number): string {
  const share = total === 0 ? 0 : (100 * seen) / total;
  const groups = Map.groupBy(holes, ({ category }) => category);
  const lines = [
    `${name}   power ${share.toFixed(1)} %: ${seen} of ${total} likely faults would be seen, blind to ${holes.length}`,
  ];
  let left = shown;
  for (const [category, members] of groups) {
    if (left <= 0) break;
    lines.push(`   ${category}`);
    for (const hole of members.slice(0, left))
      lines.push(`     ${changeText(hole)}   at ${hole.site}: ${holeReasonText(hole.reason)}`);
    left -= members.length;
  }
  if (holes.length > shown) lines.push(`   and ${holes.length - shown} more: --all lists them`);
  return lines.join("\n");
}

function describeSuggestions({ holes, chosen }: Suggestion): string {
  if (chosen.length === 0)
    return "   no change of tokens or phases closes a hole; what is left needs other media, another config, or can't be seen";
  const closed = chosen.reduce((sum, { adds }) => sum + adds, 0);
  return [
    `   to close ${closed} of ${holes} holes:`,
    ...chosen.map(({ title, adds }) => `     add ${title}   (${adds})`),
  ].join("\n");
}
