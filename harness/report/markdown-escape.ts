/**
 * Text of any kind inside Markdown, so that it shows as it is and nothing else happens: no markup, no mention, no new
 * row or block.
 */
import { plainLine } from "../trace/harmless.ts";

/** An identifier as code that may stand anywhere, also in a table's cell. */
export function code(raw: string): string {
  const line = clean(raw) || " ";
  // Backticks, pipes and backslashes mean different things to different parsers inside a table's code span.
  if (/^[^`|\\<>&]+$/u.test(line)) return `\`${line}\``;
  return `<code>${entities(line)}</code>`;
}

/** Matches characters that Markdown, or GitHub after it (mentions, issues, addresses), would read as more than text. */
const special = /[&<>|\\`*[\]~$!]|(?<!\w)_|_(?!\w)|@|(?<![\w#])#(?=\d)|(?<=https?|ftp):|(?<=www)\./giu;

/** A sentence as plain text inside a line. */
export function text(raw: string): string {
  const line = clean(raw);
  return line.replaceAll(special, (found, at: number) => {
    const isMention = found === "#" || (found === "@" && !/\w/.test(line[at - 1] ?? ""));
    return isMention ? `<span>${found}</span>` : entity(found); // GitHub looks for mentions after it has read entities
  });
}

/** A block of text as it is, whatever fences it holds. */
export function fenced(raw: string): string {
  const longest = Math.max(2, ...[...raw.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${raw}\n${fence}`;
}

function entities(raw: string): string {
  return raw.replaceAll(/[^\p{L}\p{N} ,/=()\u{FFFD}-]/gu, entity);
}

function entity(character: string): string {
  return `&#${character.codePointAt(0)!};`;
}

/** Makes a text one harmless line with single spaces. */
function clean(raw: string): string {
  return plainLine(raw).replaceAll(/\s+/g, " ").trim();
}
