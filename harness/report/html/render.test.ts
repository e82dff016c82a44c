import { describe, expect, test } from "vitest";
import type { SiteVerdict } from "../../verdict/site.ts";
import type { Verdict } from "../../verdict/schema.ts";
import { generatePage } from "./build-page.ts";
import { detailOf, distanceOf } from "../../verdict/deciding.ts";
import { distance, fail, notOffered, pass, siteWith } from "../../verdict/test-sites.ts";
import { packVerdicts } from "./packed.ts";
import { renderHtml } from "./render.ts";
import { explainedVerdict, samplePower, unsolvedVerdict } from "./test-explanations.ts";
import { errorVerdict, liveVerdict } from "./test-verdicts.ts";
import { sampleVerdicts, seedVerdict } from "./test-samples.ts";
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
  const [run, local] = [site.run, site.local].map((judgement) => {
    if (!judgement || judgement.status === "unknown") return judgement;
    const { distance: _, ...rest } = judgement;
    return rest.status === "fail" && rest.why.kind === "noise" ? { ...rest, why: { ...rest.why, ratio: 0 } } : rest;
  });
  return { ...site, run: run ?? null, local: local ?? null };
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
    expect(html).toContain("<title>1 pass, 1 expected failure, 1 fail, 1 unknown, 1 error · lockstep</title>");
    expect(renderHtml([seedVerdict()])).toContain("<title>gemma4_unified/12b: 1 expected failure · lockstep</title>");
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
    const where = [{ axis: "token", size: 8, count: 1, first: 3, last: 3, step: 1 }];
    const elements = [{ index: [0, 3], found: 2.003925085067749, expected: "NaN" as const }];
    const failed = fail(900, { detail: { worst_elements: elements, histogram: [1, 2], where } });
    const wrong = siteWith({ site: "logits", run: failed, local: failed });
    const carries = siteWith({ site: "logits", order: 1, run: failed, local: pass(1) });
    const kept = throughPage({ ...errorVerdict(), sites: [wrong, carries] }).sites.map(detailOf);
    const short = [{ index: [0, 3], found: 2.003925, expected: "NaN" }];
    expect(kept).toEqual([{ worst_elements: short, histogram: [1, 2], where }, null]);
  });

  test("keep six digits where a site fails and hundredths where it passes", () => {
    const verdict = liveVerdict({
      fault: { site: "model.language_model.layers.5.self_attn#scores", ratio: 1_283_183 },
    });
    const after = throughPage(verdict).sites;
    for (const [index, site] of verdict.sites.entries()) {
      for (const kind of ["run", "local"] as const) {
        const [exact, kept] = [distanceOf(site[kind]), distanceOf(after[index]![kind])];
        const { status } = site;
        expect(kept === null).toBe(exact === null);
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
    const sites = [
      siteWith({ run: fail(900), local: pass(1) }),
      siteWith({ order: 1, run: pass(1) }),
      siteWith({ order: 2, expected: null, run: notOffered }),
      siteWith({ order: 3 }),
    ];
    expect(throughPage({ ...errorVerdict(), sites }).sites).toEqual(sites);
  });

  test("keep what a golden can't tell as null", () => {
    const sites = [siteWith({ run: { status: "pass", distance: distance(1, { error: 0.5, noise: 0.5 }) } })];
    expect(throughPage({ ...errorVerdict(), sites }).sites).toEqual(sites);
  });

  test("keep an error without noise", () => {
    const exact = distance(1e30, { error: 2, noise: 0, rms: 0, max_error: 2 });
    const why = { kind: "not exact" as const, first: null, count: null, of: 4 };
    const sites = [siteWith({ local: { status: "fail", why, distance: exact } })];
    expect(throughPage({ ...errorVerdict(), sites }).sites).toEqual(sites);
  });
});
