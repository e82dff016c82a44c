// The Node that lockstep runs on where the present one is too old: a pinned version in the cache, fetched by `npm start`.
// Plain JavaScript on purpose: it runs on the old Node, before anything is installed.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants, homedir } from "node:os";
import { join } from "node:path";

/** The oldest Node that runs the sources. */
export const oldestNode = 24;

/** The version that is fetched where the present Node is older. */
export const pinnedVersion = "24.21.0";

/** The npm package that holds the pinned Node for this system. */
export const pinnedPackage = `node-${process.platform}-${process.arch}`;

/** Where the user's cache is: the same place as `harness/setup/cache.ts` names. */
export function cacheRoot() {
  return process.env.LOCKSTEP_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "lockstep");
}

/** The folder that the pinned Node is installed into. */
export function pinnedHome() {
  return join(cacheRoot(), "node", pinnedVersion);
}

/** The program itself, whether or not it is there. */
export function pinnedBinary() {
  return join(pinnedHome(), "node_modules", pinnedPackage, "bin", "node");
}

/** True when the Node that runs this is new enough. */
export function isNewEnough() {
  return Number(process.versions.node.split(".")[0]) >= oldestNode;
}

/** The Node to run with: the present one, else the pinned one, else null where that was never fetched. */
export function usableNode() {
  if (isNewEnough()) return process.execPath;
  return existsSync(pinnedBinary()) ? pinnedBinary() : null;
}

/**
 * Runs a command in this terminal and ends as it does: signals that ask this process to end are handed on to it, so that
 * nothing is left behind, and are its exit code (130, 143) as in a shell.
 */
export function runAndEnd(command, args, options) {
  const child = spawn(command, args, { stdio: "inherit", ...options });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // Ctrl-C in a terminal reaches both.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  child.on("error", ({ message }) => {
    console.error(`lockstep: ${command} can't be started: ${message}`);
    process.exit(3);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/** A sentence for a system that lockstep does not serve, or null: on Windows it runs in WSL. */
export function unservedPlatform() {
  if (process.platform === "linux" || process.platform === "darwin") return null;
  const where = process.platform === "win32" ? "Windows runs it in WSL (wsl --install)" : "use one of these";
  return `lockstep: expected Linux or macOS, found ${process.platform}: ${where}`;
}
