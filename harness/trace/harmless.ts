/**
 * Text of engines, files and queues made harmless: it shows as it is, and neither a terminal, nor the log of a CI
 * service, nor a reader's eye takes it for more than text. Every format goes through here, and adds its own escapes.
 */
import { stripVTControlCharacters } from "node:util";

/** Matches texts that may hold something to be replaced; most hold nothing. */
const suspicious = /[^\x20-\x7e]|::|##/;

/** Matches what ends a line for a terminal, an editor, JavaScript or a CI service. */
const lineBreak = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;

/**
 * Matches characters that show nothing and do something: control characters, marks that turn or hide text (bidirectional
 * overrides, zero widths, tags), lone surrogates, what is no character at all.
 */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\u115f\u1160\u3164\uffa0]/gu;

/**
 * One line: escape sequences are gone, line breaks and tabs are spaces, other invisible characters U+FFFD, and what CI
 * services read as a command (`::error::` in front, `##[error]`, `##vso[`, `##teamcity[`) has a backslash in it.
 */
export function plainLine(text: string): string {
  return suspicious.test(text) ? withoutCommand(visible(text)) : text;
}

function visible(text: string): string {
  return stripVTControlCharacters(text)
    .split(lineBreak)
    .join(" ")
    .replaceAll("\t", " ")
    .toWellFormed()
    .replaceAll(invisible, "\u{FFFD}");
}

function withoutCommand(line: string): string {
  return (
    line
      // oxlint-disable-next-line no-control-regex
      .replace(/^((?:\s|\u001b\[\d+m)*)::/, String.raw`$1\::`)
      .replaceAll(/##(?=\[|vso\[|teamcity\[)/gi, String.raw`#\#`)
  );
}

/** The lines of a text, each as `plainLine` makes it. Who prints them marks all but the first as continued. */
export function plainLines(text: string): string[] {
  return stripVTControlCharacters(text).split(lineBreak).map(plainLine);
}

/** A copy of plain data in which every text, names of fields too, is as `plainLine` makes it; the rest stays as it is. */
export function harmless<T>(value: T): T {
  return copyOf(value) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value === "string") return plainLine(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [plainLine(name), copyOf(one)]));
}

/** Matches the escape sequences that lockstep itself writes: bold, dim, underlined and the plain colours. */
// oxlint-disable-next-line no-control-regex
const ownStyle = /(\u001b\[(?:0|1|2|22|3[0-79]|4|24)m)/;

/**
 * Lines that are about to be written to a terminal or a log: lockstep's own styles stay, every other escape sequence
 * and control character goes, and no line is a command of a CI service. The last gate: what engines say has been through
 * `plainLine` before, which alone keeps it from looking like a line of ours.
 */
export function printable(lines: string): string {
  const clean = (part: string, place: number): string => (place % 2 === 1 ? part : visible(part));
  return lines
    .split("\n")
    .map((line) => (suspicious.test(line) ? withoutCommand(line.split(ownStyle).map(clean).join("")) : line))
    .join("\n");
}

/** JSON that a terminal shows as it is: characters that do something there are escaped, which changes no value. */
export function printableJson(value: unknown): string {
  const escape = (unit: string): string => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const active = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
  return JSON.stringify(value, null, 2).replaceAll(active, (found) => found.split("").map(escape).join(""));
}
