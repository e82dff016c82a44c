import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { packageRoot } from "../engine/registry.ts";
import { exitCodes } from "../trace/errors.ts";
import { addCalibrate } from "./calibrate.ts";
import { addDoctor } from "./doctor.ts";
import { addEngines } from "./engines.ts";
import { addGolden } from "./golden.ts";
import { addHistory } from "./history.ts";
import { addInit } from "./init.ts";
import { addMerge } from "./merge.ts";
import { addMinimise } from "./minimise.ts";
import { addNew } from "./new.ts";
import { addNightly } from "./nightly.ts";
import { addParity } from "./parity.ts";
import { addPower } from "./power.ts";
import { addRepro } from "./repro.ts";
import { addRun } from "./run.ts";
import { addSchemas } from "./schemas.ts";
import { addSelftest } from "./selftest.ts";
import { addShapes } from "./shapes.ts";
import { addWorker } from "./worker.ts";

const { version, description } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
  version: string;
  description: string;
};

const commands = [
  addInit,
  addNew,
  addRun,
  addParity,
  addPower,
  addRepro,
  addMinimise,
  addShapes,
  addGolden,
  addNightly,
  addHistory,
  addMerge,
  addWorker,
  addSelftest,
  addCalibrate,
  addSchemas,
  addEngines,
  addDoctor,
];

/**
 * The `lockstep` program with every command, not run yet; docs/commands.md is tested against it. A wrong use of it ends the
 * process with exit code 2; `ends` is called before.
 */
export function createProgram(ends: () => void = () => undefined): Command {
  const program = new Command("lockstep")
    .description(description)
    .version(version)
    .showHelpAfterError("(see lockstep --help)");
  program.exitOverride((error) => {
    ends();
    process.exit(error.exitCode === 0 ? 0 : exitCodes.usage);
  });
  for (const add of commands) add(program);
  return program;
}
