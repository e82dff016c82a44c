import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { packageRoot } from "../engine/registry.ts";
import { SafetensorsError } from "../trace/safetensors.ts";
import { EngineFailure, EnvironmentError, UsageError, exitCodes } from "../trace/errors.ts";
import { PythonUnavailable } from "../setup/python.ts";
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
import { serveOwnPackage } from "./own-package.ts";

const { version, description } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
  version: string;
  description: string;
};

serveOwnPackage();
const program = new Command("lockstep")
  .description(description)
  .version(version)
  .showHelpAfterError("(see lockstep --help)");
program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCodes.usage));
for (const add of [
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
])
  add(program);

try {
  await program.parseAsync();
} catch (error) {
  const { message } = error as Error;
  process.stderr.write(`lockstep: ${message}\n`);
  if (error instanceof EngineFailure && error.remedy) process.stderr.write(`          ${error.remedy}\n`);
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof SafetensorsError) return exitCodes.usage;
  if (error instanceof EnvironmentError || error instanceof PythonUnavailable) return exitCodes.environment;
  if (error instanceof EngineFailure) return exitCodes.engine;
  process.stderr.write(`${(error as Error).stack}\n`);
  return exitCodes.engine;
}
