import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildSite } from "./build.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";

const target = join(testFolder(), "site");
let pages: string[];
beforeAll(() => void (pages = buildSite(target)));
const page = (file: string): string => readFileSync(join(target, file), "utf8");

describe("the site", () => {
  it("has a page for each text, the README first, and each in the menu of all", () => {
    expect(pages.slice(0, 3)).toEqual(["index.html", "tutorial.html", "method.html"]);
    expect(readdirSync(target)).toEqual(expect.arrayContaining([...pages, "style.css", "calibration.svg"]));
    for (const file of pages)
      for (const other of pages) expect(page(file), `${other} in the menu of ${file}`).toContain(`href="${other}"`);
  });

  it("links to pages and headings that exist", () => {
    for (const file of pages)
      for (const [, path = "", id] of page(file).matchAll(/ (?:href|src)="((?!\w+:|\.\.)[^"#]*)(?:#([^"]*))?"/g)) {
        const other = path === "" ? file : path;
        expect(existsSync(join(target, other)), `${file}: ${other}`).toBe(true);
        if (id) expect(page(other), `${file}: ${other}#${id}`).toContain(`id="${id}"`);
      }
  });

  it("draws tables and code, and lets no markup through", () => {
    expect(page("index.html")).toContain("<table>");
    expect(page("tutorial.html")).toContain("<pre><code");
    expect(page("tutorial.html")).not.toContain("!-- file:"); // comments are for tests
    expect(page("method.html")).not.toMatch(/<script/);
  });
});
