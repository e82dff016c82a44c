import { EngineError } from "../../../harness/engine/implementation.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";

/**
 * The error for an index of the inputs (a token id, a patch position) that has no row in the table at `where`, which
 * has `count`.
 */
export function outOfRange(
  where: string,
  what: string,
  { found, count }: { found: number; count: number },
): EngineError {
  return new EngineError(errorCodes.badInput, `${where}: ${what} ${found} is not in 0 .. ${count - 1}`, {
    expected: `0 .. ${count - 1}`,
    found: String(found),
    where,
    remedy: "check that the inputs were made for this model",
  });
}
