/**
 * Names that may become a part of a path: keys of results, nights, scopes. What comes out of a file or a queue is data,
 * and must not choose where something is written.
 */
import { UsageError } from "./errors.ts";

/** Matches a name: letters, digits, `.`, `_` and `-`, at most 100, not a dot or a dash in front. */
export const pathName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** Returns `name` where it is one. @throws UsageError that says `what` was to be named, and what was found */
export function checkName(name: string, what: string): string {
  if (pathName.test(name)) return name;
  throw new UsageError(
    `${what}: expected a name of letters, digits, ".", "_" and "-", at most 100, found ${JSON.stringify(name.slice(0, 120))}`,
  );
}
