/**
 * Tests that everything the documentation names is there: every relative link, every command and option, every file.
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";

const pages = globSync("{*.md,docs/*.md,cases/media/*.md,engines/*/*.md,examples/*/*.md}", { cwd: packageRoot });
const bin = join(packageRoot, "harness", "cli", "bin.mjs");

const helps = new Map<string, string>();

function help(...command: string[]): string {
  const key = command.join(" ");
  const text = helps.get(key) ?? execFileSync(process.execPath, [bin, ...command, "--help"], { encoding: "utf8" });
  helps.set(key, text);
  return text;
}

describe.each(pages)("%s", (page) => {
  const text = readFileSync(join(packageRoot, page), "utf8");

  it("links to files that exist", () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((match) => match[1]!);
    expect(links.filter((link) => !existsSync(join(packageRoot, dirname(page), link)))).toEqual([]);
  });

  it("names files of this repository that exist", () => {
    const named = [...text.matchAll(/`((?:harness|engines|cases|docs|golden)\/[\w./-]+\.(?:ts|py|md|json|mjs|txt))`/g)];
    expect(named.map((match) => match[1]!).filter((file) => !existsSync(join(packageRoot, file)))).toEqual([]);
  });

  it("uses commands and options that exist", () => {
    const used = [
      ...text.matchAll(
        /(?:npx )?\blockstep (run|init|nightly|history|merge|worker|repro|minimise|shapes|golden (?:record|check|update|diff|prune)|selftest|engines check|engines|doctor|calibrate|schemas)\b([^`\n]*)/g,
      ),
    ];
    for (const [, command, rest] of used) {
      const own = rest!.replaceAll(/"[^"]*"/g, "").split(" -- ")[0]!; // an engine's command line has options of its own
      const options = [...own.matchAll(/--[a-z][a-z-]+/g)].map(([option]) => option);
      if (options.length === 0) continue;
      const known = help(...command!.split(" "));
      expect(options.filter((option) => !known.includes(option))).toEqual([]);
    }
  });
});
