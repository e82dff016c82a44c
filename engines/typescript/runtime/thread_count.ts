import { availableParallelism } from "node:os";
import { EngineError } from "../../../harness/engine/implementation.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import { MAX_THREADS } from "../kernels/memory.ts";

/** The environment variable that sets the number of threads. */
export const THREADS_VARIABLE = "LOCKSTEP_THREADS";

/**
 * The number of threads that the kernels of a large model run on: that of `LOCKSTEP_THREADS`, else as many as there are
 * processors, at most 16. Results don't depend on it.
 * @throws EngineError `badInput` when the variable is not a whole number from 1 to 16.
 */
export function threadCount(value: string | undefined = process.env[THREADS_VARIABLE]): number {
  if (value === undefined || value === "") return Math.min(availableParallelism(), MAX_THREADS);
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_THREADS) return count;
  throw new EngineError(errorCodes.badInput, `${THREADS_VARIABLE}=${value} is no number of threads`, {
    expected: `a whole number from 1 to ${MAX_THREADS}`,
    found: value,
    where: `the environment variable ${THREADS_VARIABLE}`,
    remedy: "set it to 1 to run on one thread, or unset it",
  });
}
