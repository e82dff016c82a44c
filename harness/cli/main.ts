import { SafetensorsError } from "../trace/safetensors.ts";
import { plainLines } from "../trace/harmless.ts";
import { EngineFailure, EnvironmentError, UsageError, exitCodes } from "../trace/errors.ts";
import { PythonUnavailable } from "../setup/python.ts";
import { say } from "./output.ts";
import { serveOwnPackage } from "./own-package.ts";
import { createProgram } from "./program.ts";

serveOwnPackage();

try {
  await createProgram().parseAsync();
} catch (error) {
  const { message } = error as Error;
  const remedy = error instanceof EngineFailure && error.remedy ? [error.remedy] : [];
  say([`lockstep: ${message}`, ...remedy].flatMap(plainLines).join("\n          "));
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof SafetensorsError) return exitCodes.usage;
  if (error instanceof EnvironmentError || error instanceof PythonUnavailable) return exitCodes.environment;
  if (error instanceof EngineFailure) return exitCodes.engine;
  say(plainLines((error as Error).stack ?? "").join("\n    "));
  return exitCodes.engine;
}
