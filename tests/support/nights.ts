/** Nights as their users run them: processes of an installed lockstep that a test may kill, and a Redis server. */
import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../harness/engine/registry.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";
import { installPackage } from "./installed.ts";

/** The secret that nights and workers of the tests share. */
const queueSecret = "secret of the tests";

/** A running command. */
export interface Running {
  readonly child: ChildProcess;
  /** Returns its output so far, standard output and error. */
  said(): string;
  /** Its exit code; null where it was killed. */
  readonly ended: Promise<number | null>;
}

/** A copy of lockstep whose sources nobody changes meanwhile: keys depend on them. */
export interface Installation extends Disposable {
  readonly folder: string;
  lockstep(...words: readonly string[]): Running;
}

/** Installs lockstep with the media of its cases. */
export function installWithReference(): Installation {
  const installed = installPackage();
  const own = join(installed.folder, "node_modules", "lockstep");
  cpSync(join(packageRoot, "cases/media"), join(own, "dist/cases/media"), { recursive: true });
  const bin = join(own, "harness/cli/bin.mjs");
  return {
    folder: installed.folder,
    lockstep: (...words) => run(process.execPath, [bin, ...words], installed.folder),
    [Symbol.dispose]: () => installed[Symbol.dispose](),
  };
}

function run(command: string, words: readonly string[], cwd: string): Running {
  const child = spawn(command, words, {
    cwd,
    env: { ...process.env, NO_COLOR: "1", GITHUB_ACTIONS: "", LOCKSTEP_QUEUE_SECRET: queueSecret },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return { child, said: () => said, ended };
}

/** Waits until something holds. @throws when it does not within half an hour, with what `explain` says */
export async function until(holds: () => boolean | Promise<boolean>, explain: () => string): Promise<void> {
  for (const stop = Date.now() + 1_800_000; !(await holds());) {
    if (Date.now() > stop) throw new Error(`waited for half an hour; ${explain()}`);
    await sleep(5);
  }
}

/** Number of results that a folder of nights holds. */
export function countResults(folder: string): number {
  const results = join(folder, "results");
  return existsSync(results) ? readdirSync(results).filter((name) => name.endsWith(".json")).length : 0;
}

/** The lines of a history without what depends on the clock: times, durations, the names of nights. */
export function timelessHistory(folder: string): unknown[] {
  const lines = readFileSync(join(folder, "history.jsonl"), "utf8").trim().split("\n");
  return lines.map((line) => {
    const { night, measured, started, seconds, ...rest } = JSON.parse(line) as Record<string, unknown>;
    void [started, seconds];
    return { ...rest, own: measured === undefined || measured === night };
  });
}

/** A Redis server of a test. */
export interface RedisServer extends Disposable {
  readonly url: string;
}

/** True where Debian's redis-server, or another, is installed. */
export function hasRedis(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

/** Starts a Redis server that keeps nothing on disk, on a free port. */
export async function startRedis(): Promise<RedisServer> {
  const folder = testFolder();
  const port = await freePort();
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  const server = run("redis-server", words, folder);
  await until(() => server.said().includes("Ready to accept connections"), server.said);
  return {
    url: `redis://127.0.0.1:${port}`,
    [Symbol.dispose]: () => void server.child.kill("SIGKILL"),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
