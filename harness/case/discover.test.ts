import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../trace/errors.ts";
import type { Case } from "./case.ts";
import { loadCases, selectCases, repositoryPath } from "./discover.ts";
import { testFolder } from "../trace/test-folder.ts";

const folder = testFolder();

/** A folder of cases with these files. */
function cases(files: Record<string, string>): string {
  const own = mkdtempSync(join(folder, "cases-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(own, name)), { recursive: true });
    writeFileSync(join(own, name), text);
  }
  return own;
}

/** The text of a case file with cases of these names. */
function exporting(...names: string[]): string {
  const one = (name: string): string =>
    `{ name: "${name}", title: "", config: {}, inputs: () => new Map(), phases: [{ name: "full", start: 0, end: 1, cache: false }] }`;
  return `export const cases = [${names.map(one).join(", ")}];`;
}

async function refusal(files: Record<string, string>): Promise<string> {
  const own = cases(files);
  const error: unknown = await loadCases(own).then(
    () => new Error("expected the cases to be refused"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return (error as Error).message.replaceAll(own, "CASES");
}

describe("loadCases", () => {
  it("loads every case file, also in folders, in order of name, and no other file", async () => {
    const own = cases({
      "b.case.js": exporting("b/1", "b/2"),
      "a.case.js": exporting("a/1"),
      "seed/c.case.js": exporting("c/1"),
      "a.inputs.js": 'throw new Error("not a case");',
      "d.case.d.ts": "export const cases: unknown[];",
    });
    expect((await loadCases(own)).map(({ name }) => name)).toEqual(["a/1", "b/1", "b/2", "c/1"]);
  });

  it("names a file that exports no cases", async () => {
    expect(await refusal({ "a.case.js": "export const one = 1;" })).toMatchInlineSnapshot(
      `"CASES/a.case.js: expected an export \`cases\`, an array made with defineCase, found one"`,
    );
  });

  it.each([
    ["is empty", "export const cases = [];", /found one that is empty: no case would be run$/],
    ["has its cases as default", `export default [];`, /found default$/],
    ["throws", 'const a = 1;\nthrow new Error("not today");', /can't be imported, Error: not today; expected a case/],
    ["has a syntax error", "export const cases = [;", /can't be imported, .*; expected a case file$/],
    ["imports what is not there", 'import "./nothing.js";', /can't be imported, Error: Cannot find module/],
    ["rejects with a word", 'await Promise.reject("no");', /can't be imported, Error: no; expected a case file$/],
    ["has a case that is none", "export const cases = [null];", /case without a name: case: /],
    ["has a case without inputs", 'export const cases = [{ name: "a/b" }];', /case "a\/b": title: /],
  ])("refuses a file that %s", async (_, text, message) => {
    const found = await refusal({ "a.case.js": text });
    expect(found).toMatch(message);
    expect(found).toMatch(/^CASES\/a\.case\.js/);
  });

  it("names a case that is defined twice", async () => {
    const text = exporting("a/1");
    expect(await refusal({ "a.case.js": text, "b.case.js": text })).toMatchInlineSnapshot(
      `"CASES/b.case.js: case a/1 is defined twice"`,
    );
  });
});

describe("selectCases", () => {
  const all = ["gemma/text", "gemma/audio", "gemma2/audio", "seed/gemma_12b"].map((name) => ({ name }) as Case);
  const select = (...patterns: string[]) => selectCases(all, patterns).map(({ name }) => name);

  it.each([
    ["all when there is no pattern", [], ["gemma/text", "gemma/audio", "gemma2/audio", "seed/gemma_12b"]],
    ["one by its name", ["gemma/text"], ["gemma/text"]],
    ["an architecture, but not one whose name is longer", ["gemma"], ["gemma/text", "gemma/audio"]],
    ["by what stands in place of *", ["*/audio"], ["gemma/audio", "gemma2/audio"]],
    ["each once, in their own order", ["gemma/audio", "gemma", "*text"], ["gemma/text", "gemma/audio"]],
  ])("selects %s", (_, patterns, names) => {
    expect(select(...patterns)).toEqual(names);
  });

  it("lists what there is for a pattern that matches nothing", () => {
    expect(() => select("gemma", "qwen3")).toThrowErrorMatchingInlineSnapshot(
      `[UsageError: no case matches "qwen3"; there are gemma/text, gemma/audio, gemma2/audio, seed/gemma_12b]`,
    );
  });

  it.each(["", "gemma.text", "gemma/tex", "(", "[a", ".*", "gemma/text$"])(
    "takes %j for text, not for a rule",
    (pattern) => {
      expect(() => select(pattern)).toThrow(UsageError);
    },
  );
});

describe("repositoryPath", () => {
  it("is relative to the nearest folder with .git, else to where lockstep runs", () => {
    const own = testFolder();
    const file = join(own, "packages", "engine", "cases", "a.case.ts");
    expect(repositoryPath(file)).toBe(relative(process.cwd(), file).split(sep).join("/"));
    mkdirSync(join(own, ".git"));
    expect(repositoryPath(file)).toBe("packages/engine/cases/a.case.ts");
  });

  it("can be told of every case that was loaded from a file", async () => {
    const own = cases({ "seed/c.case.js": exporting("c/1") });
    expect((await loadCases(own))[0]!.file).toBe(join(own, "seed", "c.case.js"));
  });
});
