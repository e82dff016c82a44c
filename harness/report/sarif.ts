/** Verdicts as SARIF 2.1.0, which code-scanning services read. */
import { createHash } from "node:crypto";
import { harmlessVerdict } from "../verdict/harmless.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { Finding, FindingKind } from "./findings.ts";
import { causeText, enginesText, findingKinds, findingsOf } from "./findings.ts";
import { distanceOf } from "../verdict/deciding.ts";
import { placeText } from "../verdict/words/culprit.ts";
import { isCapped } from "../verdict/numbers.ts";
import { outcomeOf } from "../verdict/words/outcome.ts";

const ruleIds = Object.keys(findingKinds) as FindingKind[];

/**
 * One run with a result for each finding. A result lies in the case's file, as far as that is known, line 1: the
 * engine's own source is not lockstep's to know; the site is its logical location. `version` is lockstep's own.
 */
export function renderSarif(given: readonly Verdict[], version: string): string {
  const verdicts = given.map(harmlessVerdict);
  const results = verdicts.flatMap((verdict) => findingsOf(verdict).map((finding) => resultOf(verdict, finding)));
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "lockstep", version, semanticVersion: version, rules: ruleIds.map(ruleOf) } },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: {
          "%SRCROOT%": { description: { text: "the root of the repository that holds the cases" } },
        },
        invocations: [{ executionSuccessful: verdicts.every(({ status }) => status !== "error") }],
        results,
        properties: { cases: verdicts.map(caseFacts) },
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf(id: FindingKind) {
  return {
    id,
    shortDescription: { text: findingKinds[id] },
    defaultConfiguration: { level: id === "not-judged" ? "warning" : "error" },
  };
}

function resultOf(verdict: Verdict, finding: Finding) {
  const { kind, site, phase, summary, category, source, also } = finding;
  const where = site === null ? "" : ` at ${placeText({ site, phase: phase ?? "" })}`;
  const cause = causeText(finding);
  const message = `${verdict.case}, ${enginesText(verdict)}${where}: ${summary}${cause && `. Cause: ${cause}`}`;
  const ratio = distanceOf(verdict.sites.find((one) => one.site === site && one.phase === phase)?.local ?? null)?.ratio;
  return {
    ruleId: kind,
    ruleIndex: ruleIds.indexOf(kind),
    level: kind === "not-judged" ? "warning" : "error",
    message: { text: message.toWellFormed() },
    locations: [location(verdict, site)],
    partialFingerprints: { "lockstepFinding/v1": fingerprint([verdict.case, kind, site ?? "", phase ?? ""]) },
    properties: {
      case: verdict.case,
      ...(site !== null && { site, phase }),
      ...(ratio !== undefined && !isCapped(ratio) && { noiseRatio: ratio }),
      ...(category && { category }),
      ...(source && { reference: source }),
      ...(also.length > 0 && { also: also.map(placeText) }),
    },
  };
}

function location({ case: name, case_file: file }: Verdict, site: string | null) {
  const logical = { name: site ?? name, fullyQualifiedName: site === null ? name : `${name}#${site}`, kind: "module" };
  return {
    ...(file !== undefined && {
      physicalLocation: { artifactLocation: { uri: toUri(file), uriBaseId: "%SRCROOT%" }, region: { startLine: 1 } },
    }),
    logicalLocations: [logical],
  };
}

/** A relative path as a relative URI reference. */
function toUri(path: string): string {
  return path.toWellFormed().split("/").map(encodeURIComponent).join("/");
}

function caseFacts(verdict: Verdict) {
  const { case: name, mode, dtype, coverage, power } = verdict;
  const { compared, total } = coverage;
  const seen = power && { power: { seen: power.seen, total: power.total } };
  return {
    case: name,
    outcome: outcomeOf(verdict),
    engines: enginesText(verdict),
    mode,
    dtype,
    compared,
    total,
    ...seen,
  };
}

/** A text that is the same for the same fault at the same place, by which a service knows a finding again. */
function fingerprint(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
