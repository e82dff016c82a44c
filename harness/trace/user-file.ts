/** Files that the user names: looked at before they are read, and refused with a sentence. */
import { readFileSync, statSync } from "node:fs";
import { UsageError } from "./errors.ts";
import { isSystemError, reasonOf } from "./system-error.ts";

/** Bytes of the largest file that is read for its text: verdicts of the largest models have some 50 MB. */
const largestText = 512 * 2 ** 20;

/** Levels of the deepest JSON: real configs have five. */
const deepestJson = 200;

/**
 * The bytes of a file that the user names; `expected` says what it should be, as in "a config.json". Pipes are read
 * where a shell made them (`/dev/stdin`, `/dev/fd/63`): others may have nobody at the other end.
 * @throws UsageError for what is not there, is no file, is too large, or can't be read.
 */
export function readUserFile(file: string, expected: string): Buffer {
  const refuse = (found: string): never => {
    throw new UsageError(`${file}: ${found}; expected ${expected}`);
  };
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) refuse("a folder");
    if (!stat.isFile() && !/^\/dev\/(stdin|fd\/\d+)$/.test(file)) refuse("a pipe, socket or device");
    if (stat.size > largestText) refuse(`${stat.size} bytes, more than ${largestText}`);
    return readFileSync(file);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (isSystemError(error))
      return refuse(error.code === "ENOENT" ? "no such file" : `can't be read, ${reasonOf(error)}`);
    return refuse(`no name of a file (${(error as Error).message})`);
  }
}

/** The content of a JSON file that the user names. @throws UsageError as `readUserFile` does, and for what is no JSON. */
export function readUserJson(file: string, expected: string): unknown {
  const text = readUserFile(file, expected).toString("utf8");
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `${file}: expected JSON, found ${JSON.stringify(text.slice(0, 40))} (${(error as Error).message}); expected ${expected}`,
    );
  }
  if (isDeeper(content, deepestJson))
    throw new UsageError(`${file}: JSON of more than ${deepestJson} levels; expected ${expected}`);
  return content;
}

/** The object in a JSON file that the user names. @throws UsageError as `readUserJson` does, and for what is no object. */
export function readUserObject(file: string, expected: string): Record<string, unknown> {
  const content = readUserJson(file, expected);
  if (typeof content === "object" && content !== null && !Array.isArray(content))
    return content as Record<string, unknown>;
  throw new UsageError(
    `${file}: expected a JSON object, found ${Array.isArray(content) ? "an array" : JSON.stringify(content).slice(0, 40)}; expected ${expected}`,
  );
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isDeeper(part, levels - 1));
}
