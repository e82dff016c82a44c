/** What an engine writes, in bounded memory: lines of messages, and the tail of its log. */
import type { Readable } from "node:stream";

/** Bytes of a log that are kept, lines of them that are shown, and characters of each. */
const tailLimits = { bytes: 64 * 1024, lines: 30, characters: 1000 } as const;

/** The end of a log. */
export interface Tail {
  /** The last lines, the last one perhaps not ended yet; each cut where it is very long. */
  lines(): string[];
  clear(): void;
}

/** Keeps the last bytes of a stream, however long its lines are. */
export function keepTail(stream: Readable): Tail {
  let kept = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk.subarray(-tailLimits.bytes)]).subarray(-tailLimits.bytes);
  });
  stream.on("error", () => undefined); // its end says enough
  return {
    lines: () =>
      kept
        .toString("utf8")
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-tailLimits.lines)
        .map((line) => clip(line, tailLimits.characters)),
    clear: () => void (kept = Buffer.alloc(0)),
  };
}

/**
 * Calls `take` for each line that is not empty; `overflow`, once, when a line has more than `longest` bytes: what comes
 * after that is dropped.
 */
export function readLines(
  stream: Readable,
  { longest, take, overflow }: { longest: number; take: (line: string) => void; overflow: () => void },
): void {
  let parts: Buffer[] = [];
  let size = 0;
  const add = (part: Buffer): void => {
    parts.push(part);
    size += part.length;
  };
  const finish = (): void => {
    const line = Buffer.concat(parts).toString("utf8");
    [parts, size] = [[], 0];
    if (line.trim() !== "") take(line);
  };
  const onData = (chunk: Buffer): void => {
    let rest = chunk;
    for (let end = rest.indexOf(10); ; end = rest.indexOf(10)) {
      add(end < 0 ? rest : rest.subarray(0, end));
      if (size > longest) {
        [parts, size] = [[], 0];
        stream.off("data", onData).resume();
        return overflow();
      }
      if (end < 0) return;
      finish();
      rest = rest.subarray(end + 1);
    }
  };
  stream.on("data", onData);
  stream.on("end", finish);
  stream.on("error", () => undefined); // its end says enough
}

/** A text of at most `length` characters; what is cut off is counted. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}... (${text.length - length} more characters)`;
}
