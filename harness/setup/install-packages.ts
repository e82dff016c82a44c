/**
 * Installs the packages of a clone (`npm ci`), one process at a time: `node install-packages.ts <clone> <key>`. It runs
 * before anything is installed, so it imports nothing from there. `key` is written down when all are there.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EnvironmentError, exitCodes } from "../trace/errors.ts";
import { cacheFolder } from "./cache.ts";
import { withLock } from "./lock.ts";

const [root = "", key = ""] = process.argv.slice(2);
const stamp = join(root, "node_modules", ".lockstep-lock");
const name = createHash("sha256").update(root).digest("hex").slice(0, 16);
const say = (line: string): void => console.error(`setup  ${line}`);

try {
  await withLock(join(cacheFolder("locks"), `npm-${name}`), waiting, install);
} catch (error) {
  if (!(error instanceof EnvironmentError)) throw error;
  say(error.message);
  process.exitCode = exitCodes.environment;
}

function waiting(holder: number | null): void {
  say(`process ${holder ?? "?"} is installing packages: waiting for it`);
}

async function install(): Promise<void> {
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return; // by the one that was waited for
  say("installing packages (npm ci)");
  const args = ["ci", "--silent", "--no-audit", "--no-fund"];
  const { status, error } = spawnSync("npm", args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0)
    throw new EnvironmentError(
      `npm ${args.join(" ")} failed: ${error?.message ?? `exit code ${status}`}; check that npm can reach a package registry, then run the same command again`,
    );
  writeFileSync(stamp, key);
}
