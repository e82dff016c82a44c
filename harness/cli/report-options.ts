import type { Command } from "commander";
import type { ReportFlags } from "../report/files.ts";

/** Reports that a command line asks for. */
export interface ReportOptions extends ReportFlags {
  /** The folder of `lockstep nightly`. */
  readonly history?: string;
}

/** Adds the options that `ReportOptions` holds. */
export function addReportOptions(command: Command): Command {
  return command
    .option("--html <file>", "write the report to this file")
    .option("--history <folder>", "the folder of lockstep nightly: the report shows how the cases went over the nights")
    .option("--markdown <file>", "write a summary for a pull request to this file")
    .option("--junit <file>", "write JUnit XML to this file")
    .option("--sarif <file>", "write SARIF 2.1.0 to this file");
}
