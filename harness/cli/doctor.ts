import { statfsSync } from "node:fs";
import type { Command } from "commander";
import { listEngines } from "../engine/registry.ts";
import { requirementFiles } from "../engine/pool.ts";
import { cacheDirectory } from "../setup/cache.ts";
import { ensureEnvironment, findPython, locateEnvironment } from "../setup/python.ts";
import { exitCodes } from "../trace/errors.ts";
import { say } from "./output.ts";

/** `lockstep doctor`: what this machine has, what is missing, and the one command that mends it. */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("what was found, what is missing, and how to mend it")
    .option("--fix", "make what is missing")
    .action(async ({ fix }: { fix?: boolean }) => {
      let missing = 0;
      const line = (name: string, good: boolean, text: string): void => {
        if (!good) missing++;
        say(`${good ? "ok     " : "missing"} ${name.padEnd(14)} ${text}`);
      };
      line("node", true, `${process.versions.node}   ${process.execPath}`);
      const python = await findPython();
      line(
        "python",
        python !== null,
        python
          ? `${python.version}   ${python.command}`
          : "no Python 3.11 or newer with venv; install one, or name it in LOCKSTEP_PYTHON",
      );
      for (const engine of python ? listEngines().filter(({ requirements }) => requirements.length > 0) : []) {
        const files = requirementFiles(engine);
        const environment = fix ? await ensureEnvironment(files, say) : await locateEnvironment(files);
        line(
          engine.name,
          environment.ready,
          environment.ready ? environment.folder : "its Python environment is not there yet",
        );
      }
      line("cache", true, cacheDirectory());
      const room = freeBytes("/dev/shm");
      say(
        `       ${"".padEnd(8)} spool in ${room === null ? "the temp directory" : `/dev/shm, ${Math.round(room / 2 ** 20)} MiB free`}`,
      );
      if (missing === 0) say("ok   nothing is missing");
      else
        say(
          `not ok   ${missing} missing; mend with: ${python ? "lockstep doctor --fix" : "install Python 3.11 or newer, then lockstep doctor --fix"}`,
        );
      process.exitCode = missing === 0 ? exitCodes.pass : exitCodes.environment;
    });
}

function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
