import type { Command } from "commander";
import type { ConformanceModel } from "../engine/conformance.ts";
import { checkConformance } from "../engine/conformance.ts";
import { chooseEngine, listEngines } from "../engine/registry.ts";
import { drawCheckpoint } from "../golden/checkpoint.ts";
import { readGolden } from "../golden/format/file.ts";
import { casesFolder, goldenFolder, loadCases, selectCases, standardFolders } from "../case/discover.ts";
import { resolveCommand } from "../engine/pool.ts";
import { writeInputs } from "../case/inputs-file.ts";
import { plainLine } from "../trace/harmless.ts";
import { exitCodes } from "../trace/errors.ts";
import { say } from "./output.ts";

/** The case of the suite where none is named: a model with layers of two kinds. */
const standardCase = "gemma4_unified/text";

/** `lockstep engines`: lists engines; `engines check` runs the conformance suite. */
export function addEngines(program: Command): void {
  const engines = program
    .command("engines")
    .description("list the engines")
    .action(() => {
      for (const { name, title, argument } of listEngines())
        say(`${(argument ? `${name}:${argument}` : name).padEnd(32)} ${title}`);
      say(`${"cmd:<command>".padEnd(32)} any program that speaks docs/protocol.md`);
    });
  engines
    .command("check")
    .description("run the conformance suite against any command: lockstep engines check -- <command>")
    .argument("<command...>", "a command line, or one name as --engine takes it")
    .option("--case <name>", `the case whose model is used; ${standardCase} of lockstep's own when absent`)
    .action(async (words: string[], flags: { case?: string }) => {
      const choice =
        words.length === 1 && listEngines().some(({ name }) => name === words[0]!.split(":")[0])
          ? chooseEngine(words[0]!)
          : { kind: "command" as const, command: words };
      const { command, environment } = await resolveCommand(choice, say);
      const results = await checkConformance(command, environment, await modelOf(flags.case));
      for (const { name, outcome, note } of results)
        say(
          plainLine(
            `${{ pass: "ok    ", fail: "NOT OK", skip: "skip  " }[outcome]} ${name}${note ? `   ${note}` : ""}`,
          ),
        );
      const count = (wanted: string): number => results.filter(({ outcome }) => outcome === wanted).length;
      const good = count("fail") === 0;
      say(`${good ? "ok" : "not ok"}   ${count("pass")} passed, ${count("fail")} failed, ${count("skip")} skipped`);
      process.exitCode = good ? exitCodes.pass : exitCodes.mismatch;
    });
}

/** The model of a case, drawn from its golden: the suite needs no Python. */
async function modelOf(name: string | undefined): Promise<ConformanceModel> {
  const folders = name === undefined ? standardFolders : { cases: casesFolder(), golden: goldenFolder() };
  const [testCase] = selectCases(await loadCases(folders.cases), [name ?? standardCase]);
  const golden = readGolden(folders.golden, testCase!.name);
  const { path, tokensOf } = writeInputs(testCase!.inputs(golden.seed));
  const { directory } = drawCheckpoint(testCase!.config, golden);
  return {
    checkpoint: directory,
    config: testCase!.config,
    inputs: path,
    length: tokensOf(testCase!.phases[0]!).length,
  };
}
