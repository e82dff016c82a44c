/** The page in a real browser: Debian's chromium. Skipped, and listed as skipped, where that is not installed. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderHtml } from "./render.ts";
import { liveVerdict, sampleVerdicts } from "./test-verdicts.ts";

const executablePath = "/usr/bin/chromium";
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update", "--disable-sync"];

describe.skipIf(!existsSync(executablePath))("the page in chromium", { timeout: 30_000 }, () => {
  let browser: Browser;
  let folder: string;
  let axe: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lockstep-page-"));
    browser = await chromium.launch({ executablePath, args: quiet });
    await writeFile(join(folder, "report.html"), renderHtml(sampleVerdicts()));
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens the report; `problems` collects console errors, exceptions and requests. */
  async function open(
    fragment: string,
    options: BrowserContextOptions = {},
  ): Promise<{ page: Page; problems: string[] }> {
    const page = await browser.newPage(options);
    const problems: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
      if (!request.isNavigationRequest()) problems.push(request.url());
    });
    await page.goto(`${pathToFileURL(join(folder, "report.html")).href}${fragment}`);
    await page.getByRole("heading", { level: 1 }).waitFor({ state: "attached" });
    return { page, problems };
  }

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe);
    const results: AxeResults = await page.evaluate("axe.run({ resultTypes: ['violations'] })");
    return results.violations
      .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
      .map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(" ")}`);
  }

  const selected = (page: Page): Promise<string> =>
    page.getByRole("region", { name: "Selected site" }).getByRole("heading", { level: 2 }).innerText();

  test("opens from a file without errors or requests, and lists all cases", async () => {
    const { page, problems } = await open("");
    expect(await page.getByRole("row").count()).toBe(1 + 5);
    expect(await page.getByRole("row", { name: /gemma4_unified\/12b/ }).innerText()).toContain("failed as expected");
    expect(problems).toEqual([]);
    await page.close();
  });

  test("opens a case by keyboard and comes back", async () => {
    const { page, problems } = await open("");
    await page.getByRole("link", { name: "gemma4_unified/tiny" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "gemma4_unified/attention-scale" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { level: 2, name: "Cases" }).waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  test("opens at the culprit, and arrow keys move on the map", async () => {
    const { page } = await open("#/1");
    expect(await selected(page)).toBe("model.language_model.layers.5.self_attn#scores");
    await page.getByRole("application", { name: /layers by kinds/ }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await selected(page)).toBe("model.language_model.layers.5.self_attn#mask");
    await page.keyboard.press("ArrowDown");
    expect(await selected(page)).toBe("model.language_model.layers.6.self_attn#mask");
    expect(await page.getByRole("status").innerText()).toContain("layers.6.self_attn#mask");
    await page.close();
  });

  test("a click on the map selects the site under the pointer", async () => {
    const { page } = await open("#/1");
    await page.locator(".block.stack canvas").click({ position: { x: 6, y: 6 } });
    expect(await selected(page)).toBe("model.language_model.layers.0:in");
    await page.close();
  });

  test("a link leads to a site", async () => {
    const { page } = await open(`#/0/decode%3A1/${encodeURIComponent("model.language_model.norm:out")}`);
    expect(await selected(page)).toBe("model.language_model.norm:out");
    await page.close();
  });

  test("filters by words and by failure", async () => {
    const { page } = await open("#/1");
    const rows = page.locator("table.sites tbody tr");
    await page.getByRole("searchbox").fill("layers.6 o_proj:in");
    expect(await rows.count()).toBe(3);
    await page.getByRole("searchbox").fill("layers.3 o_proj");
    await page.getByLabel("Failing only").check();
    expect(await rows.count()).toBe(0);
    await page.close();
  });

  test("shows one phase", async () => {
    const { page } = await open("#/1");
    await page.getByRole("radio", { name: "decode:1" }).check();
    expect(await page.locator("table.sites tbody tr").first().innerText()).toContain("decode:1");
    await page.close();
  });

  test("follows the system's dark mode and the switch", async () => {
    const { page } = await open("", { colorScheme: "dark" });
    const paper = (): Promise<string> => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    expect(await paper()).toBe("rgb(16, 18, 21)");
    await page.getByRole("button", { name: "Dark" }).click();
    expect(await paper()).toBe("rgb(246, 246, 243)");
    await page.close();
  });

  test("fits a phone: nothing but scrolling tables is wider than the screen", async () => {
    const { page } = await open("", { viewport: { width: 375, height: 700 } });
    for (const fragment of ["#/", "#/1", "#/2", "#/3", "#/4"]) {
      await page.evaluate(`location.hash = "${fragment}"`);
      await page.waitForTimeout(100);
      expect(await page.evaluate("document.documentElement.scrollWidth"), fragment).toBe(375);
    }
    await page.close();
  });

  test.each(["light", "dark"] as const)("has no serious accessibility violation in %s", async (colorScheme) => {
    for (const fragment of ["", "#/1", "#/2", "#/3"]) {
      const { page } = await open(fragment, { colorScheme, reducedMotion: "reduce" });
      expect(await violations(page), fragment).toEqual([]);
      await page.close();
    }
  });

  test("10,000 sites: a filter answers within a second", async () => {
    const fault = { site: "model.language_model.layers.40.self_attn#scores", ratio: 5000 };
    await writeFile(join(folder, "big.html"), renderHtml([liveVerdict({ layers: 75, fault })]));
    const page = await browser.newPage();
    await page.goto(pathToFileURL(join(folder, "big.html")).href);
    await page.getByRole("searchbox").waitFor();
    const before = performance.now();
    await page.getByRole("searchbox").fill("layers.74 down_proj:out");
    await page.getByText("3 of 10,278").waitFor();
    expect(performance.now() - before).toBeLessThan(1000);
    await page.close();
  });
});
