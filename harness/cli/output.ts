import { plainLine, printable, printableJson } from "../trace/harmless.ts";

const { stderr } = process;
let open = false;

/** A line for people, on stderr: stdout belongs to `--json`. */
export function say(line: string): void {
  status(null);
  stderr.write(`${printable(line)}\n`);
}

/** A command for GitHub Actions, as it is. */
export function sayCommand(line: string): void {
  status(null);
  stderr.write(`${line}\n`);
}

/** A value as JSON on stdout. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** A line that the next one replaces; null clears it. Nothing when stderr is not a terminal. */
export function status(line: string | null): void {
  if (!stderr.isTTY) return;
  if (open) stderr.write("\r\u001B[K");
  if (line !== null) stderr.write(plainLine(line));
  open = line !== null;
}
