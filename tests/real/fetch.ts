/**
 * `npm run models`: fetches the real weights of these tests with the reference's Python; exit code 3 when that can't be
 * done.
 */
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { referenceEngine } from "../../harness/engine/registry.ts";
import { requirementFiles } from "../../harness/engine/pool.ts";
import { ensureEnvironment, PythonUnavailable } from "../../harness/setup/python.ts";

const script = fileURLToPath(new URL("fetch_models.py", import.meta.url));
const unavailable = 3;

async function fetchModels(): Promise<number> {
  try {
    const report = (line: string): void => void process.stderr.write(`${line}\n`);
    const { python } = await ensureEnvironment(requirementFiles(referenceEngine()), report);
    const { exitCode } = await execa(python, [script], { stdio: "inherit", reject: false });
    return exitCode ?? 1;
  } catch (error) {
    if (!(error instanceof PythonUnavailable)) throw error;
    process.stderr.write(`models  the real weights can't be fetched: ${error.message}\n`);
    return unavailable;
  }
}

process.exitCode = await fetchModels();
