/** Facts before words: sentences are made in one place, last, and nothing reads one back. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";

const sources = globSync("{harness,engines/typescript,cases}/**/*.{ts,tsx}", { cwd: packageRoot }).filter(
  (file) => !/\.test\.tsx?$|\/test-[\w-]+\.ts$|generated/.test(file),
);
const read = (file: string): string => readFileSync(join(packageRoot, file), "utf8");

/** Names that hold sentences for people, and what reads a text apart. */
const worded = "(?:sentence|summary|reason|claim|evidence|title|[a-z]+Text|[a-z]+Said)";
const parsing: readonly (readonly [string, RegExp])[] = [
  [
    "a test of words against a pattern",
    new RegExp(String.raw`/[^/\n]+/[a-z]*\.(?:test|exec)\(\s*(?:\w+\.)*${worded}\b`),
  ],
  [
    "a sentence matched or split",
    new RegExp(
      String.raw`\b${worded}(?:\(\w*\))?\.(?:match|matchAll|split|startsWith|endsWith|includes|indexOf|search)\(`,
    ),
  ],
  ["a branch on a sentence", new RegExp(String.raw`\b${worded} === ["'\`]`)],
  ["an id that means something", /\bid\.(?:match|split|includes|startsWith|endsWith)\(|\/[^/\n]+\/[a-z]*\.test\(id\)/],
];

/** Files that may compare texts: the message of an engine or of the system is all that is known of a crash. */
const allowed = new Set(["harness/minimise/failure.ts", "harness/golden/update.ts"]);

describe("no sentence is read back", () => {
  it.each(parsing)("as %s", (_, pattern) => {
    const found = sources
      .filter((file) => !allowed.has(file))
      .flatMap((file) =>
        read(file)
          .split("\n")
          .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
      );
    expect(found).toEqual([]);
  });

  it("by a pattern that would be found", () => {
    const bad = [
      "if (/not finite/.test(reason)) {",
      "summary.split(';')[0]",
      'reason === "the engine"',
      'id.includes(" + ")',
    ];
    expect(bad.map((line) => parsing.some(([, pattern]) => pattern.test(line)))).toEqual([true, true, true, true]);
  });
});

describe("words are made last", () => {
  it("by reports, commands and pages, and by no room that finds facts", () => {
    const makers = ["trace", "compare", "explain", "align", "engine", "case"].map((room) => `harness/${room}/`);
    const found = sources.filter(
      (file) => makers.some((room) => file.startsWith(room)) && /verdict\/words\//.test(read(file)),
    );
    expect(found).toEqual([]);
  });
});
