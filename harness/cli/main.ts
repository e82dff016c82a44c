import { SafetensorsError } from "../trace/safetensors.ts";
import { EngineFailure, EnvironmentError, UsageError, exitCodes } from "../trace/errors.ts";
import { PythonUnavailable } from "../setup/python.ts";
import { serveOwnPackage } from "./own-package.ts";
import { ReferenceFailure } from "../run/blame.ts";
import { createProgram } from "./program.ts";

serveOwnPackage();

try {
  await createProgram().parseAsync();
} catch (error) {
  const { message } = error as Error;
  process.stderr.write(`lockstep: ${message}\n`);
  if (error instanceof EngineFailure && error.remedy) process.stderr.write(`          ${error.remedy}\n`);
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof SafetensorsError) return exitCodes.usage;
  if (error instanceof EnvironmentError || error instanceof PythonUnavailable) return exitCodes.environment;
  if (error instanceof ReferenceFailure) return exitCodes[error.kind];
  if (error instanceof EngineFailure) return exitCodes.engine;
  process.stderr.write(`${(error as Error).stack}\n`);
  return exitCodes.engine;
}
