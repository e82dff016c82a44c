import type { Command } from "commander";
import { openHistory } from "../night/history/index-file.ts";
import { endOf } from "../night/end.ts";
import { mergeShards } from "../night/merge.ts";
import { addFolderOption, nightExitCode, nightFolder } from "./night-options.ts";
import { sayEnd } from "./nightly.ts";

/** `lockstep merge`: the shards of a night as one night of the history. */
export function addMerge(program: Command): void {
  const command = program
    .command("merge")
    .description("put the files of lockstep nightly --shard together, as one night of the history")
    .argument("<file...>", "all shards of one night")
    .option("--night <name>", "what the night is called; its day when absent");
  addFolderOption(command).action((files: string[], flags: { folder: string; night?: string }) => {
    const folder = nightFolder(flags);
    const name = mergeShards(folder, files, flags.night);
    using history = openHistory(folder);
    const night = history.nights().find((one) => one.night === name)!;
    const end = endOf(history, { folder, night });
    sayEnd(end);
    process.exitCode = nightExitCode(end.results);
  });
}
