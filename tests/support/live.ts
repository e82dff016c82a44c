/** The warm engines that the live tests of one process share. */
import type { EnginePool } from "../../harness/engine/pool.ts";
import { createPool } from "../../harness/engine/pool.ts";
import { PythonUnavailable } from "../../harness/setup/python.ts";
import { isMissing } from "./missing.ts";

const report = (line: string): void => void process.stderr.write(`${line}\n`);

/** Engines with the live reference; null, said aloud, where there is no Python. */
export const livePool: EnginePool | null = await withReference();

/** Engines for tests that must not need Python. */
export const offlinePool: EnginePool = createPool({ report });

async function withReference(): Promise<EnginePool | null> {
  const pool = createPool({ report });
  try {
    await pool.reference();
    return pool;
  } catch (error) {
    if (!(error instanceof PythonUnavailable)) throw error;
    isMissing(false, `tests with the live reference: ${error.message}`);
    return null;
  }
}
