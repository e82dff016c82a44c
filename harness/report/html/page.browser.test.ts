/** The page in a real browser: Debian's chromium. Skipped, and listed as skipped, where that is not installed. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PastResult } from "./trend.ts";
import { isMissing } from "../../../tests/support/missing.ts";
import { renderHtml } from "./render.ts";
import { explainedVerdict, samplePower, unsolvedVerdict } from "./test-explanations.ts";
import { liveVerdict } from "./test-verdicts.ts";
import { sampleVerdicts } from "./test-samples.ts";
import { testFolder } from "../../trace/test-folder.ts";

const executablePath = "/usr/bin/chromium";
const alone = isMissing(
  existsSync(executablePath),
  `the page in a browser: no ${executablePath}; apt-get install chromium`,
);
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update", "--disable-sync"];

describe.skipIf(alone)("the page in chromium", () => {
  let browser: Browser;
  let folder: string;
  let axe: string;

  beforeAll(async () => {
    folder = testFolder();
    browser = await chromium.launch({ executablePath, args: quiet });
    const [first, ...others] = sampleVerdicts();
    const verdicts = [{ ...first!, power: samplePower() }, ...others, explainedVerdict(), unsolvedVerdict()];
    await writeFile(join(folder, "report.html"), renderHtml(verdicts));
    const twice = verdicts.flatMap((one, index) => (index === 0 ? [one, { ...one, dtype: "bfloat16" }] : [one]));
    const nights = Array.from({ length: 9 }, (_, night) => ({
      ...{ night: `2026-11-0${night + 1}`, case: first!.case, engine: first!.rerun?.engine ?? first!.engine.name },
      ...{ dtype: first!.dtype, seed: first!.seed, status: "pass", reference: { version: "5", roles: ["pinned"] } },
      worst: { site: "x", phase: "full", ratio: night === 8 ? 3.4 : 1.1 },
    })) as unknown as PastResult[];
    await writeFile(join(folder, "matrix.html"), renderHtml(twice, nights));
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  });

  afterAll(async () => {
    await browser?.close();
  });

  /** Opens the report; `problems` collects console errors, exceptions and requests. */
  async function open(
    fragment: string,
    { file = "report.html", ...options }: BrowserContextOptions & { file?: string } = {},
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
    await page.goto(`${pathToFileURL(join(folder, file)).href}${fragment}`);
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
    expect(await page.getByRole("row").count()).toBe(1 + 7);
    expect(await page.getByRole("row", { name: /gemma4_unified\/12b/ }).innerText()).toContain("expected failure");
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
    for (const fragment of ["#/", "#/0", "#/1", "#/2", "#/3", "#/4", "#/5", "#/6"]) {
      await page.evaluate(`location.hash = "${fragment}"`);
      await page.waitForTimeout(100);
      expect(await page.evaluate("document.documentElement.scrollWidth"), fragment).toBe(375);
    }
    await page.close();
  });

  test.each(["light", "dark"] as const)("has no serious accessibility violation in %s", async (colorScheme) => {
    for (const fragment of ["", "#/0", "#/1", "#/2", "#/3", "#/6"]) {
      const { page } = await open(fragment, { colorScheme, reducedMotion: "reduce" });
      if (fragment === "") await page.getByRole("button", { name: /power 96 %/ }).click();
      await page.evaluate(
        "document.querySelectorAll('.answer details, .power-panel details').forEach((one) => { one.open = true; })",
      );
      expect(await violations(page), fragment).toEqual([]);
      await page.close();
    }
  });

  test("says the cause first, with both distances, the source and the phases", async () => {
    const { page, problems } = await open("#/5");
    const card = page.getByRole("region", { name: "Result" });
    const [first = "", second = "", third = ""] = (await card.innerText()).split("\n").filter(Boolean);
    expect(first).toBe(
      "Explained by: the number in mul is 0.267261 (1/sqrt(text_config.head_dim 14)), the reference has 1, in decode:1 only, not in prefill",
    );
    expect(second).toBe(
      "The engine is 1,283,183× noise from the reference, 1.10× from the reference with this change.",
    );
    expect(third).toBe("Reference lockstep_reference/attention.py:34: scores = query @ key.mT * scaling");
    expect(problems).toEqual([]);
    await page.close();
  });

  test("every independent culprit has an explanation of its own", async () => {
    const { page } = await open("#/6");
    const causes = page.getByRole("region", { name: "Result" }).locator("h2.cause");
    expect(await causes.allInnerTexts()).toEqual([
      "Possible cause: the number in add is 1e-6, the reference has 0.001 (eps)",
      "No single change gives it; the error has this form: each token is multiplied by a factor of its own (1.02, 0.98, 1.01, ...)",
      "Unexplained: none of 621 changes of the reference gives what the engine has",
      "Explained by: the number in add is 1e-6, the reference has 0.001 (eps)",
    ]);
    const rivals = page.locator(".rivals").first();
    expect(await rivals.innerText()).toMatch(
      /^Also possible\n+the norm is an RMS norm with eps added outside the root/,
    );
    expect(await rivals.innerText()).toContain(
      "Gives the same numbers on these inputs: rsqrt is left out: its input goes on as it is",
    );
    expect(await rivals.innerText()).not.toContain("each token");
    expect(await page.getByText("The error is only in head 2 of 6; tokens from 8 on, of 24.").count()).toBe(2);
    await page.close();
  });

  test("a failing tensor is drawn as expected, found and error, heads by tokens", async () => {
    const { page, problems } = await open("#/5");
    const grids = page.getByRole("region", { name: "heads down, tokens across" }).getByRole("img");
    expect(await grids.count()).toBe(3);
    const label = "error, in noise: 6 heads by 24 tokens, largest 900,000×";
    expect(await grids.last().getAttribute("aria-label")).toBe(label);
    const cells = grids.last().locator("rect");
    expect(await cells.count()).toBe(144);
    expect(
      await cells
        .nth(2 * 24 + 8)
        .locator("title")
        .textContent(),
    ).toBe("head 2, token 8: 900,000×");
    const fill = (index: number) => cells.nth(index).getAttribute("fill");
    expect(await fill(2 * 24 + 8)).not.toBe(await fill(2 * 24 + 7));
    expect(problems).toEqual([]);
    await page.close();
  });

  test("a case in a history shows its nights", async () => {
    const { page, problems } = await open("#/0", { file: "matrix.html" });
    const chart = page.getByRole("region", { name: "Nights" }).getByRole("img");
    expect(await chart.getAttribute("aria-label")).toBe("9 nights: 1.10× on 2026-11-01, 3.40× on 2026-11-09");
    expect(await chart.locator("circle").count()).toBe(9);
    expect(await violations(page)).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("cases that were run in several ways stand in a matrix", async () => {
    const { page, problems } = await open("", { file: "matrix.html" });
    const matrix = page.locator("table.matrix");
    expect(await matrix.locator("thead th").count()).toBeGreaterThan(2);
    expect(await matrix.getByText("not run").count()).toBeGreaterThan(0);
    expect(await violations(page)).toEqual([]);
    await matrix.locator("tbody a").nth(1).click();
    await page.getByRole("definition").filter({ hasText: "bfloat16" }).waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  test("a place where the same fails in another phase is found", async () => {
    const { page } = await open("#/6");
    await page
      .locator(".also")
      .getByRole("button", { name: /in decode:1$/ })
      .click();
    expect(await selected(page)).toBe("model.language_model.layers.3.self_attn#scores");
    expect(await page.getByRole("region", { name: "Selected site" }).innerText()).toMatch(/^Site in decode:1/);
    await page.close();
  });

  test("a site that carries an error on shows both judgements", async () => {
    const { page } = await open(`#/1/prefill/${encodeURIComponent("model.language_model.layers.8.mlp:out")}`);
    const panel = page.getByRole("region", { name: "Selected site" });
    expect(await panel.locator(".state").innerText()).toMatch(
      /^pass on the engine's own input\s+fail in the whole run/,
    );
    await page.close();
  });

  test("power stands beside the status, and its holes open by keyboard without leaving the list", async () => {
    const { page, problems } = await open("");
    expect(await page.getByRole("row", { name: /attention-scale/ }).innerText()).toContain("power not measured");
    const button = page.getByRole("button", { name: /power 96 % of gemma4_unified\/tiny/ });
    expect(await button.getAttribute("aria-expanded")).toBe("false");
    await button.focus();
    await page.keyboard.press("Enter");
    expect(await button.getAttribute("aria-expanded")).toBe("true");
    const groups = page.locator(".holes-row .hole-group > summary");
    expect(await groups.allInnerTexts()).toEqual(["norm-eps 9", "mask 6", "activation 2"]);
    await groups.nth(1).focus();
    await page.keyboard.press("Enter");
    expect(await page.locator(".holes-row details").nth(1).getAttribute("open")).toBe(null);
    await page.keyboard.press("Enter");
    expect(await page.locator(".holes-row").innerText()).toContain(
      "no query reaches the window: the longest input has 8 tokens",
    );
    expect(await page.getByRole("heading", { level: 2, name: "Cases" }).count()).toBe(1);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("a case says its power and lists what it would miss", async () => {
    const { page } = await open("#/0");
    const panel = page.getByRole("region", { name: "Power" });
    expect(await panel.innerText()).toContain("Power 96 %: 411 of 428 likely faults would be found by this case.");
    await panel.getByText("17 would not, by category").click();
    expect(await panel.locator(".hole-group").count()).toBe(3);
    await page.close();
  });

  test("the list of cases fits its window with all its columns", async () => {
    const { page } = await open("", { viewport: { width: 1300, height: 900 } });
    const overhang =
      "(() => { const box = document.querySelector('.scroll'); return box.scrollWidth - box.clientWidth; })()";
    for (const width of [1300, 1100, 920, 720]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate(overhang), String(width)).toBe(0);
    }
    await page.setViewportSize({ width: 1300, height: 900 });
    const long = `engine_with_a_very_long_name_that_has_no_place_to_break`;
    const verdict = explainedVerdict();
    verdict.engine = { ...verdict.engine, name: long };
    verdict.worst = { ...verdict.worst!, ratio: 2.14e15 };
    await writeFile(join(folder, "long.html"), renderHtml([liveVerdict(), { ...verdict, seconds: 3725, case: long }]));
    await page.goto(pathToFileURL(join(folder, "long.html")).href);
    expect(await page.evaluate(overhang)).toBe(0);
    await page.close();
  });

  test("10,000 sites: a filter answers", async () => {
    const fault = { site: "model.language_model.layers.40.self_attn#scores", ratio: 5000 };
    await writeFile(join(folder, "big.html"), renderHtml([liveVerdict({ layers: 75, fault })]));
    const page = await browser.newPage();
    await page.goto(pathToFileURL(join(folder, "big.html")).href);
    await page.getByRole("searchbox").waitFor();
    await page.getByRole("searchbox").fill("layers.74 down_proj:out");
    await page.getByText("3 of 10,278").waitFor();
    await page.close();
  });
});
