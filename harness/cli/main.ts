import { PythonUnavailable } from "../setup/python.ts";
import { plainLines } from "../trace/harmless.ts";
import { EngineFailure, EnvironmentError, UsageError, exitCodes } from "../trace/errors.ts";
import { SafetensorsError } from "../trace/safetensors.ts";
import { explainSystemError } from "../trace/system-error.ts";
import { endOnSignals } from "./interrupt.ts";
import { say } from "./output.ts";
import { serveOwnPackage } from "./own-package.ts";
import { ReferenceFailure } from "../run/blame.ts";
import { createProgram } from "./program.ts";

/** True once the command has done what it was to do. */
let isDone = false;

serveOwnPackage();
endOnSignals();
process.on("uncaughtException", end);
process.stdout.on("error", end);
process.stderr.on("error", () => process.exit(exitCodes.environment)); // nobody reads what it could say
process.on("exit", (code) => {
  // A file of the user ended the process, or left it waiting for nothing (13).
  if (!isDone && (code === 0 || code === 13))
    process.exitCode = report(new UsageError("a file that was imported ended the process, or never finished"));
});

// Not awaited: Node would print where it waits for what never ends.
void createProgram(() => (isDone = true))
  .parseAsync()
  .catch((error: unknown) => void (process.exitCode = report(error)))
  .then(() => (isDone = true));

/** Ends the process at once for what nobody caught. */
function end(error: unknown): void {
  isDone = true;
  process.exit(report(error));
}

/** Says in a sentence what is wrong and what to do; returns the exit code. */
function report(thrown: unknown): number {
  const error = explainSystemError(thrown);
  const code = exitCodeOf(error);
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const lines = [code === null ? `this is a fault of lockstep itself, please report it: ${message}` : message];
  if (error instanceof EngineFailure && error.remedy) lines.push(`         ${error.remedy}`);
  if (error instanceof EngineFailure || error instanceof EnvironmentError)
    lines.push(...error.stderrTail.map((line) => `         | ${line}`));
  if (process.env["LOCKSTEP_DEBUG"]) lines.push(stack ?? "");
  try {
    say(`lockstep: ${lines.flatMap(plainLines).join("\n")}`);
  } catch {
    // the exit code says enough
  }
  return code ?? exitCodes.environment;
}

/** The exit code of an error; null for one that lockstep should not throw. */
function exitCodeOf(error: unknown): number | null {
  if (error instanceof UsageError || error instanceof SafetensorsError) return exitCodes.usage;
  if (error instanceof EnvironmentError || error instanceof PythonUnavailable) return exitCodes.environment;
  if (error instanceof ReferenceFailure) return exitCodes[error.kind];
  return error instanceof EngineFailure ? exitCodes.engine : null;
}
