import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { explainedVerdict } from "./html/test-explanations.ts";
import { liveVerdict } from "./html/test-verdicts.ts";
import { writeReports } from "./files.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder: string;
let printed: string;

beforeEach(() => {
  folder = testFolder();
  printed = "";
});

const say = (line: string): void => void (printed += `${line}\n`);

const verdicts = [liveVerdict(), explainedVerdict()];

describe("writeReports", () => {
  it("writes each file that was asked for, with its folders, and leaves no other", () => {
    const names = { html: "a/r.html", markdown: "a/r.md", junit: "a/r.xml", sarif: "a/r.sarif" };
    const flags = Object.fromEntries(Object.entries(names).map(([kind, name]) => [kind, join(folder, name)]));
    writeReports(verdicts, flags, { say, command: say, environment: {} });
    expect(readdirSync(join(folder, "a")).toSorted()).toEqual(["r.html", "r.md", "r.sarif", "r.xml"]);
    expect(readFileSync(flags["junit"]!, "utf8")).toMatch(/^<\?xml/);
    expect(printed).not.toContain("::error");
  });

  it("annotates and appends to the step summary in GitHub Actions only", () => {
    const summary = join(folder, "summary.md");
    writeFileSync(summary, "before\n");
    writeReports(verdicts, {}, { say, command: say, environment: { GITHUB_STEP_SUMMARY: summary } });
    expect(readFileSync(summary, "utf8")).toBe("before\n");
    writeReports(
      verdicts,
      {},
      { say, command: say, environment: { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: summary } },
    );
    expect(printed.match(/^::error /gm)).toHaveLength(1);
    expect(readFileSync(summary, "utf8")).toMatch(/^before\n### lockstep: 1 pass, 1 fail/);
  });

  it("goes on without a step summary", () => {
    writeReports(verdicts, {}, { say, command: say, environment: { GITHUB_ACTIONS: "true" } });
    expect(existsSync(join(folder, "summary.md"))).toBe(false);
    expect(printed).toContain("::error ");
  });
});
