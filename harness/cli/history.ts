import { existsSync } from "node:fs";
import type { Command } from "commander";
import { chooseNight } from "../night/history/changes.ts";
import { journalPath, openHistory } from "../night/history/index-file.ts";
import { renderHistory, renderTrend } from "../night/pages/history.ts";
import { endOf } from "../night/end.ts";
import { harmless } from "../trace/harmless.ts";
import { UsageError } from "../trace/errors.ts";
import { parseWhole } from "./arguments.ts";
import { addFolderOption, nightFolder } from "./night-options.ts";
import { say, writeJson } from "./output.ts";

interface Flags {
  readonly folder: string;
  readonly night?: string;
  readonly nights: number;
  readonly json?: boolean;
}

/** `lockstep history`: what changed since the last green night. */
export function addHistory(program: Command): void {
  const command = program
    .command("history")
    .description(
      "what changed since the last green night: sites, versions, commit; of a case, its trend over the nights",
    )
    .argument("[case]", "a case: how each of its results went over the nights")
    .option("--night <name>", "a night other than the last one")
    .option("--nights <n>", "nights that are listed", parseWhole, 10)
    .option("--json", "the night, its results and what changed, as JSON on stdout");
  addFolderOption(command).action(showHistory);
}

function showHistory(name: string | undefined, flags: Flags): void {
  const folder = nightFolder(flags);
  const journal = journalPath(folder);
  if (!existsSync(journal))
    throw new UsageError(`${journal}: no such file; expected a history: lockstep nightly writes one`);
  using history = openHistory(folder);
  const nights = history.nights();
  const night = chooseNight(nights, flags.night);
  if (!night)
    throw new UsageError(
      `${journal} has ${
        flags.night === undefined
          ? "no night"
          : `no night ${flags.night}: expected one of ${nights
              .slice(-10)
              .map((one) => one.night)
              .join(", ")}`
      }`,
    );
  const shown = nights.slice(0, nights.indexOf(night) + 1).slice(-flags.nights);
  if (name !== undefined) {
    const rows = shown.map((one) => ({
      night: one,
      results: history.results(one.night).filter((result) => result.case === name),
    }));
    if (rows.every(({ results }) => results.length === 0))
      throw new UsageError(
        `no result of ${name} in these nights; expected one of ${[...new Set(history.results(night.night).map((result) => result.case))].join(", ")}`,
      );
    if (flags.json) writeJson(rows);
    say(renderTrend(name, harmless(rows)));
    return;
  }
  const { results, since, regressions } = endOf(history, { folder, night });
  if (flags.json) writeJson({ night, results, since, regressions });
  say(renderHistory(harmless({ nights: shown, night, results, since, regressions })));
}
