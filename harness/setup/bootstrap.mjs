// Makes `npm start` and `npm test` work on a bare machine: runs under Node 20 or newer, fetches the pinned Node when the
// present one is older than 24, installs packages when the lock changed, then runs the task with that Node first on PATH.
// Plain JavaScript on purpose: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  oldestNode,
  pinnedBinary,
  pinnedHome,
  pinnedPackage,
  pinnedVersion,
  runAndEnd,
  unservedPlatform,
  usableNode,
} from "./pinned-node.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

const tasks = {
  start: ["harness/cli/bin.mjs", "run", "--start"],
  test: vitest("unit", "live", "browser"),
  "test:all": vitest("unit", "live", "browser", "all"),
  "test:night": vitest("night"),
  bench: ["harness/bench/main.ts"],
  "bench-engine": ["engines/typescript/bench/main.ts"],
  models: ["tests/real/fetch.ts"],
  "check-python": ["tests/house/check-python.ts"],
};

/** Runs projects of vitest.config.ts; a project that is named on the command line instead is run alone. */
function vitest(...projects) {
  const asked = process.argv.some((word) => word.startsWith("--project"));
  const chosen = asked ? [] : projects.map((name) => `--project=${name}`);
  return ["node_modules/vitest/vitest.mjs", "run", ...chosen];
}

const [task, ...rest] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task)) {
  console.error(`bootstrap: expected one of ${Object.keys(tasks).join(", ")}, found ${task}`);
  process.exit(2);
}

const unserved = unservedPlatform();
if (unserved !== null) {
  console.error(unserved);
  process.exit(3);
}

const node = findNode();
const environment = { ...process.env, PATH: dirname(node) + delimiter + process.env.PATH };
installPackages();
runAndEnd(node, [...tasks[task], ...rest], { cwd: root, env: environment });

/** Path of a Node 24 or newer: this one, or the pinned one from the cache, fetched on first use. */
function findNode() {
  const usable = usableNode();
  if (usable) return usable;
  const home = pinnedHome();
  console.error(
    `setup  Node ${process.versions.node} is older than ${oldestNode}: fetching Node ${pinnedVersion} once`,
  );
  const fresh = `${home}.${process.pid}.tmp`;
  mkdirSync(fresh, { recursive: true });
  writeFileSync(join(fresh, "package.json"), '{"private":true}\n');
  run("npm", ["install", "--silent", "--no-audit", "--no-fund", `${pinnedPackage}@${pinnedVersion}`], { cwd: fresh });
  try {
    renameSync(fresh, home);
  } catch {
    rmSync(fresh, { recursive: true, force: true }); // another process was faster
  }
  if (existsSync(pinnedBinary())) return pinnedBinary();
  console.error(`setup  ${home} is not whole; remove it, then run the same command again`);
  process.exit(3);
}

/** Runs `npm ci` unless node_modules was made from this very lock file by this Node. */
function installPackages() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(node)
    .digest("hex");
  const stamp = join(root, "node_modules", ".lockstep-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  // In a process of the Node that was found: it has the lock by which one of two first set-ups waits for the other.
  const script = join(root, "harness", "setup", "install-packages.ts");
  const { status } = spawnSync(node, [script, root, lock], { env: environment, stdio: "inherit" });
  if (status !== 0) process.exit(3);
}

function run(command, args, options) {
  const result = spawnSync(command, args, {
    stdio: ["ignore", "inherit", "inherit"],
    ...options,
  });
  if (result.status === 0) return;
  console.error(`setup  ${command} ${args.join(" ")} failed: ${result.error?.message ?? `exit code ${result.status}`}`);
  console.error("setup  check that npm can reach a package registry, then run the same command again");
  process.exit(3);
}
