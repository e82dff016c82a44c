/** Verdicts as JUnit XML, the format that CI systems read test results from. */
import { harmlessVerdict } from "../verdict/harmless.ts";
import type { Verdict } from "../verdict/schema.ts";
import { powerPercent } from "./explanation.ts";
import { causeText, enginesText, findingsOf, plainVerdict } from "./findings.ts";
import { outcomeOf } from "../verdict/words/outcome.ts";

type Attributes = Readonly<Record<string, string | number>>;

/**
 * One test suite for each architecture, one test case for each case. What can't be judged is a failure, a broken engine
 * or machine an error, a failure that is expected a success. Failures carry the verdict as lockstep prints it.
 */
export function renderJunit(given: readonly Verdict[]): string {
  const verdicts = given.map(harmlessVerdict);
  const suites = [...Map.groupBy(verdicts, ({ case: name }) => name.split("/")[0]!)];
  const body = suites.map(([name, list]) =>
    element("testsuite", { name, ...totals(list), timestamp: list[0]!.started }, list.map(testCase)),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element("testsuites", { name: "lockstep", ...totals(verdicts) }, body)}\n`;
}

function totals(verdicts: readonly Verdict[]): Attributes {
  const bad = verdicts.filter(({ met }) => !met);
  const errors = bad.filter(({ status }) => status === "error").length;
  const time = verdicts.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
  return { tests: verdicts.length, failures: bad.length - errors, errors, skipped: 0, time };
}

function testCase(verdict: Verdict): string {
  const { case: name, seconds, case_file: file, met } = verdict;
  const attributes = { name, classname: name.split("/")[0]!, time: seconds.toFixed(3), ...(file && { file }) };
  const properties = element("properties", {}, Object.entries(facts(verdict)).map(property));
  return element("testcase", attributes, [properties, ...(met ? [] : [problem(verdict)])]);
}

function facts(verdict: Verdict): Readonly<Record<string, string>> {
  const { coverage, worst, power, dtype, mode, culprit } = verdict;
  return {
    engines: enginesText(verdict),
    mode,
    dtype,
    outcome: outcomeOf(verdict),
    sites: `${coverage.compared}/${coverage.total}`,
    ...(worst && { worst: `${worst.ratio.toPrecision(4)} at ${worst.site} in ${worst.phase}` }),
    ...(power && { power: `${powerPercent(power)} (${power.seen} of ${power.total})` }),
    ...(culprit && { culprit: culprit.site }),
  };
}

function property([name, value]: readonly [string, string]): string {
  return element("property", { name, value }, []);
}

function problem(verdict: Verdict): string {
  const [first] = findingsOf(verdict);
  const where = first?.site ? `${first.site} in ${first.phase}: ` : "";
  const message = [`${where}${first?.summary ?? verdict.status}`, first && causeText(first)].filter(Boolean).join("; ");
  const type = first?.kind ?? verdict.status;
  const tag = verdict.status === "error" ? "error" : "failure";
  return element(tag, { message, type }, [escapeXml(plainVerdict(verdict))]);
}

function element(tag: string, attributes: Attributes, children: readonly string[]): string {
  const list = Object.entries(attributes).map(
    ([name, value]) => ` ${name}="${escapeXml(String(value)).replaceAll("\n", "&#10;")}"`,
  );
  const open = `<${tag}${list.join("")}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join("")}</${tag}>`;
}

const xmlEntities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/**
 * Text for an element or an attribute. What XML 1.0 can't hold at all (control characters, lone surrogates) becomes
 * U+FFFD.
 */
export function escapeXml(raw: string): string {
  return (
    raw
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\u{FFFD}")
      .replaceAll(/[&<>"']/g, (character) => xmlEntities[character]!)
      .replaceAll(/[\t\r]/g, (character) => `&#${character.charCodeAt(0)};`)
  );
}
