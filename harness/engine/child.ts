/** The process of an engine: started in a group of its own, which ends with it, and so does whatever it has started. */
import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { EngineFailure } from "../trace/errors.ts";
import { secretVariable } from "./trust.ts";

/** How a process has ended: `code` where it could not be started. */
export interface Ending {
  readonly exitCode?: number | null;
  readonly signal?: NodeJS.Signals | null;
  readonly code?: string;
}

/** A started process. */
export interface EngineChild {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  /** Settles when the process has ended and what it wrote has been read; never rejects. */
  readonly ended: Promise<Ending>;
  /** Ends its process group and all that it has started. */
  kill(): void;
}

/** The environment variable that marks the processes of an engine: its value is their spool directory. */
const mark = "LOCKSTEP_SPOOL";

/** Milliseconds in which what an ended process wrote is read, where another one keeps its output open. */
const drainTime = 300;

/**
 * Starts a command in a session and process group of its own, marked as one of `spool`.
 * @throws EngineFailure for words that no process can be given.
 */
export function startChild(
  command: readonly string[],
  { spool, environment }: { readonly spool: string; readonly environment: Readonly<Record<string, string>> },
): EngineChild {
  const [file = "", ...args] = command;
  const env = { ...process.env, [secretVariable]: undefined, ...environment, [mark]: spool };
  let child: ChildProcessByStdio<Writable, Readable, Readable>;
  try {
    child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], detached: true, env });
  } catch (error) {
    throw new EngineFailure(`${command.join(" ")}: can't be started: ${(error as Error).message}`);
  }
  const { stdin, stdout, stderr, pid } = child;
  let isGone = false;
  const kill = (): void => {
    // The number may be another group's once the process has been waited for.
    if (!isGone && pid !== undefined) endGroup(pid);
    endProcessesOf(spool);
  };
  const ended = new Promise<Ending>((resolve) => {
    child.once("error", ({ code = "unknown" }: NodeJS.ErrnoException) => resolve({ code }));
    child.once("exit", (exitCode, signal) => {
      kill();
      isGone = true;
      const finish = (): void => {
        clearTimeout(late);
        for (const stream of [stdin, stdout, stderr]) stream.destroy();
        resolve({ exitCode, signal });
      };
      const late = setTimeout(finish, drainTime);
      child.once("close", finish);
    });
  });
  return { stdin, stdout, stderr, pid, ended, kill };
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // gone already
  }
}

/**
 * Ends this user's processes that were started as those of an engine with this spool directory, also those that have
 * left its process group. Where the system does not tell the environment of processes (only Linux does) it does nothing.
 */
export function endProcessesOf(spool: string): void {
  for (const pid of listProcesses()) {
    if (pid === process.pid || !readEnvironment(pid).includes(`\0${mark}=${spool}\0`)) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // gone already
    }
  }
}

function listProcesses(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** `\0NAME=value\0NAME=value\0`; empty for processes of others. */
function readEnvironment(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`;
  } catch {
    return "";
  }
}
