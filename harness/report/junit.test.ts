import { XMLParser, XMLValidator } from "fast-xml-parser";
import { parse } from "junit2json";
import { describe, expect, it } from "vitest";
import { unsolvedVerdict } from "./html/test-explanations.ts";
import { liveVerdict } from "./html/test-verdicts.ts";
import { sampleVerdicts } from "./html/test-samples.ts";
import { escapeXml, renderJunit } from "./junit.ts";
import { hostileTexts, hostileVerdict } from "./test-hostile.ts";

/** Reads a report as a CI system does. */
async function read(xml: string) {
  const parsed = await parse(xml);
  if (!parsed || !("testsuite" in parsed)) throw new Error("expected <testsuites>");
  return parsed;
}

describe("renderJunit", () => {
  it("counts tests, failures and errors as a reader of JUnit does", async () => {
    const report = await read(renderJunit(sampleVerdicts()));
    expect(report).toMatchObject({ name: "lockstep", tests: 5, failures: 2, errors: 1 });
    expect(report.testsuite!.map(({ name, tests }) => [name, tests])).toEqual([
      ["gemma4_unified", 3],
      ["qwen3_moe", 1],
      ["llama", 1],
    ]);
  });

  it("carries culprit, cause and the whole verdict in a failure, and nothing in a pass", async () => {
    const report = await read(renderJunit([unsolvedVerdict(), liveVerdict()]));
    const [failing, passing] = report.testsuite![0]!.testcase!;
    const [failure] = failing!.failure!;
    expect(failure).toMatchObject({ type: "mismatch" });
    expect(failure!.message).toMatch(/layers\.3\.self_attn#scores in prefill: .*the number in `add` is 1e-6/);
    expect(failure!.inner).toContain(" FAIL  gemma4_unified/four-faults");
    expect(passing).not.toHaveProperty("failure");
  });

  it("names the case's file", async () => {
    const report = await read(renderJunit([{ ...liveVerdict(), case_file: "cases/a.case.ts" }]));
    expect(report.testsuite![0]!.testcase![0]).toMatchObject({ file: "cases/a.case.ts" });
  });

  it.each(hostileTexts)("is well-formed with hostile names: %j", async (name) => {
    const xml = renderJunit([hostileVerdict(name)]);
    expect(XMLValidator.validate(xml)).toBe(true);
    // oxlint-disable-next-line no-control-regex
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
    expect(xml.isWellFormed()).toBe(true);
    const report = await read(xml);
    expect(report.testsuite).toHaveLength(1);
    expect(report.testsuite![0]!.testcase).toHaveLength(1);
  });
});

describe("escapeXml", () => {
  it.each(hostileTexts)("a parser gives back what was written: %j", (name) => {
    const parser = new XMLParser({ ignoreAttributes: false, trimValues: false, htmlEntities: true });
    const { a } = parser.parse(`<a>${escapeXml(name)}</a>`) as { a: string };
    // oxlint-disable-next-line no-control-regex
    const held = name
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/[\u0000\u0007\u001b\ufffe\ud800]/g, "\u{FFFD}")
      .replaceAll(/[\u{FFFD}]+/gu, "\u{FFFD}");
    expect(a.replaceAll(/[\u{FFFD}]+/gu, "\u{FFFD}")).toBe(held);
  });
});
