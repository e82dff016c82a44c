/**
 * Runs around all tests: gives them a temp folder of their own, and tests of the suite itself that it leaves nothing
 * behind.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onExit } from "signal-exit";
import { abandonedSpools } from "../../harness/engine/spool.ts";
import { cacheFolder } from "../../harness/setup/cache.ts";
import { missingFile } from "./missing.ts";

/**
 * Gives the tests their temp folder; what is returned runs when they are over. @throws with the names of what they have
 * left behind
 */
export default function surround(): () => void {
  const inMemory = "/dev/shm";
  const before = new Set(abandonedSpools(inMemory));
  const folder = mkdtempSync(join(tmpdir(), "lockstep-suite-"));
  process.env["TMPDIR"] = folder;
  process.env["NODE_COMPILE_CACHE"] ??= cacheFolder("node-compiled"); // of tools that would keep it in the temp folder
  process.env["TORCHINDUCTOR_CACHE_DIR"] = cacheFolder("torchinductor"); // of scripts that import torch
  onExit(() => rmSync(folder, { recursive: true, force: true })); // where the run is interrupted
  return () => {
    sayWhatWasMissing();
    const spools = abandonedSpools(inMemory).filter((spool) => !before.has(spool));
    const left = [...readdirSync(folder).map((name) => join(folder, name)), ...spools];
    for (const path of [folder, ...spools]) rmSync(path, { recursive: true, force: true });
    if (left.length === 0) return;
    process.exitCode = 1;
    throw new Error(`the tests left ${left.length} files or folders behind:\n${left.join("\n")}`);
  };
}

/** Says why tests were skipped, at the end, where nobody overlooks it. */
function sayWhatWasMissing(): void {
  const file = missingFile();
  if (!existsSync(file)) return;
  const reasons = new Set(readFileSync(file, "utf8").trimEnd().split("\n"));
  rmSync(file);
  process.stderr.write(["", ...reasons, ""].map((reason) => (reason === "" ? "\n" : `skipped  ${reason}\n`)).join(""));
}
