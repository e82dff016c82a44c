import { describe, expect, test } from "vitest";
import type { SiteVerdict, Verdict } from "../../verdict/schema.ts";
import { generatePage } from "./build-page.ts";
import { packVerdicts } from "./packed.ts";
import { renderHtml } from "./render.ts";
import { explainedVerdict, samplePower, unsolvedVerdict } from "./test-explanations.ts";
import { errorVerdict, liveVerdict, sampleVerdicts, seedVerdict } from "./test-verdicts.ts";
import { unpackTexts, unpackVerdict } from "./unpacked.ts";
import { readFile } from "node:fs/promises";

const megabyte = 1_000_000;
const verdicts = [
  ...sampleVerdicts(),
  explainedVerdict(),
  unsolvedVerdict(),
  { ...liveVerdict(), power: samplePower() },
];
const html = renderHtml(sampleVerdicts());

/** A verdict after its way through the document. */
function throughPage(verdict: Verdict): Verdict {
  const { texts, verdicts: packed } = packVerdicts([verdict]);
  const [first] = packed;
  if (!first) throw new Error("nothing was packed");
  return unpackVerdict(first, unpackTexts(texts));
}

function withoutDistances(site: SiteVerdict): SiteVerdict {
  const copy = { ...site };
  delete copy.accumulated;
  delete copy.local;
  return copy;
}

describe("the document", () => {
  test("names no address but XML namespaces", () => {
    const addresses = html.match(/https?:\/\/[^\s"'`)]*/g) ?? [];
    expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  });

  test("loads nothing: no src, no href outside of the script, no import", () => {
    const markup = html.replaceAll(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, "");
    expect(markup).not.toMatch(/\b(src|href|srcset|action)=/);
    expect(html).not.toMatch(/@import|url\(/);
    expect(html).not.toMatch(/\bimport\s*[({"']/);
  });

  test("has a policy that allows its own script and style only", () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'$/,
    );
  });

  test("has no inline handlers or styles, which the policy would refuse", () => {
    const markup = html.replaceAll(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, "");
    expect(markup).not.toMatch(/\s(style|on\w+)=/);
  });

  test("can't be ended by a name", () => {
    const evil = liveVerdict({ name: `</script><script>alert("1")</script><!--` });
    const text = renderHtml([evil]);
    expect(text.match(/<script\b/g)).toHaveLength(2);
    expect(text.match(/<\/script>/g)).toHaveLength(2);
    expect(text).toContain("<title>&lt;/script&gt;");
  });

  test("says the totals in its title", () => {
    expect(html).toContain("<title>1 passed, 1 failed as expected, 1 failed, 1 unknown, 1 error · lockstep</title>");
    expect(renderHtml([seedVerdict()])).toContain("<title>gemma4_unified/12b: 1 failed as expected · lockstep</title>");
  });

  test("is there without cases", () => {
    expect(renderHtml([])).toContain("<title>no cases · lockstep</title>");
  });
});

describe("the script", () => {
  test("is the current bundle of page/ (else run node harness/report/html/build-page.ts)", async () => {
    const committed = await readFile(new URL("./page.generated.ts", import.meta.url), "utf8");
    expect(committed === (await generatePage())).toBe(true);
  });
});

describe("size", () => {
  test("30 cases of 1,302 sites stay below a megabyte", () => {
    const many = Array.from({ length: 30 }, (_, seed) => liveVerdict({ name: `case/${seed}`, seed }));
    expect(renderHtml(many).length).toBeLessThan(megabyte);
  });

  test("30 cases with power, a third of them failing with explanations and details, stay below a megabyte", () => {
    const fault = { site: "model.language_model.layers.3.self_attn#scores", ratio: 5000 };
    const { culprits } = unsolvedVerdict();
    const many = Array.from({ length: 30 }, (_, seed): Verdict => {
      const options = { name: `case/${seed}`, seed };
      const power = samplePower();
      return seed % 3 > 0
        ? { ...liveVerdict(options), power }
        : { ...liveVerdict({ ...options, fault }), culprits, power };
    });
    expect(renderHtml(many).length).toBeLessThan(megabyte);
  });

  test("10,000 failing and passing sites stay below a megabyte", () => {
    const fault = { site: "model.language_model.layers.40.self_attn#scores", ratio: 5000 };
    const big = liveVerdict({ layers: 75, fault });
    expect(big.sites.length).toBeGreaterThan(10_000);
    expect(renderHtml([big]).length).toBeLessThan(megabyte);
  });
});

describe("embedded verdicts", () => {
  test("keep everything but digits", () => {
    for (const verdict of verdicts) {
      const { sites, ...head } = throughPage(verdict);
      const { sites: before, ...headBefore } = verdict;
      expect(head).toEqual(headBefore);
      expect(sites.map(withoutDistances)).toEqual(before.map(withoutDistances));
    }
  });

  test("keep elements to seven digits where a site is wrong itself, and no detail where it carries an error on", () => {
    const detail = { worst_elements: [{ index: [0, 3], found: 2.003925085067749, expected: "NaN" as const }] };
    const site = {
      site: "logits",
      phase: "full",
      order: 0,
      detail: { ...detail, histogram: [1, 2], where: ["row 3"] },
    };
    const wrong = { ...site, status: "fail" as const, accumulated_status: "fail" as const };
    const carries = { ...site, order: 1, status: "pass" as const, accumulated_status: "fail" as const };
    const kept = throughPage({ ...errorVerdict(), sites: [wrong, carries] }).sites.map((one) => one.detail);
    const elements = [{ index: [0, 3], found: 2.003925, expected: "NaN" }];
    expect(kept).toEqual([{ worst_elements: elements, histogram: [1, 2], where: ["row 3"] }, undefined]);
  });

  test("keep six digits where a site fails and hundredths where it passes", () => {
    const verdict = liveVerdict({
      fault: { site: "model.language_model.layers.5.self_attn#scores", ratio: 1_283_183 },
    });
    const after = throughPage(verdict).sites;
    for (const [index, site] of verdict.sites.entries()) {
      for (const kind of ["accumulated", "local"] as const) {
        const [exact, kept] = [site[kind], after[index]?.[kind]];
        const { status } = site;
        expect(kept === undefined).toBe(exact === undefined);
        if (!exact || !kept) continue;
        const tolerance = status === "pass" ? Math.max(0.005, exact.ratio * 0.005) : exact.ratio * 5e-6;
        expect(Math.abs(kept.ratio - exact.ratio)).toBeLessThanOrEqual(tolerance + 1e-12);
        expect(kept.worst_row?.index).toBe(exact.worst_row?.index);
        expect(Math.abs(kept.noise / exact.noise - 1)).toBeLessThan(0.06);
        expect(Math.abs(kept.rms / exact.rms - 1)).toBeLessThan(0.06);
      }
    }
  });

  test("keep judgements of a site on its own and in the run apart, and neither where neither was made", () => {
    const site = { site: "logits", phase: "full", order: 0, status: "pass" as const };
    const both = { ...site, accumulated_status: "fail" as const, local_status: "pass" as const };
    const sites = [both, { ...site, order: 1 }, { ...site, order: 2, accumulated_status: "unknown" as const }];
    expect(throughPage({ ...errorVerdict(), sites }).sites).toEqual(sites);
    expect(throughPage({ ...errorVerdict(), sites: [site] }).sites).toEqual([site]);
  });

  test("keep what a golden can't tell as null", () => {
    const distance = { ratio: 1, worst_row: null, worst_column: null, error: 0.5, noise: 0.5, rms: 1, max_error: null };
    const site = { site: "logits", phase: "full", order: 3, status: "pass" as const, accumulated: distance };
    expect(throughPage({ ...errorVerdict(), sites: [site] }).sites).toEqual([site]);
  });

  test("keep infinite ratios at the cap", () => {
    const distance = { ratio: 1e30, worst_row: null, worst_column: null, error: 2, noise: 0, rms: 0, max_error: 2 };
    const site = { site: "logits", phase: "full", order: 0, status: "fail" as const, local: distance };
    expect(throughPage({ ...errorVerdict(), sites: [site] }).sites).toEqual([site]);
  });
});
