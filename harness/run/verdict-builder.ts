import type { Consistency } from "../verdict/audit.ts";
import type { Culprit } from "../verdict/culprit.ts";
import { detailOf, distanceOf, failureOf } from "../verdict/deciding.ts";
import { largestRatio } from "../verdict/numbers.ts";
import type { Verdict } from "../verdict/schema.ts";
import { verdictVersion } from "../verdict/schema.ts";
import type { SiteVerdict } from "../verdict/site.ts";
import type { Result } from "../engine/protocol.ts";
import type { Located } from "../explain/culprits.ts";
import { findCulprits } from "../explain/culprits.ts";
import { PythonUnavailable } from "../setup/python.ts";
import { EngineFailure, EnvironmentError, UsageError } from "../trace/errors.ts";
import { SafetensorsError } from "../trace/safetensors.ts";
import { explainSystemError } from "../trace/system-error.ts";
import { ReferenceFailure } from "./blame.ts";
import { tensorsAgree } from "./audits.ts";
import type { Case } from "../case/case.ts";
import { repositoryPath } from "../case/discover.ts";

/** The parts of a verdict that its maker has to find out. */
export type Findings = Partial<
  Pick<
    Verdict,
    | "logits"
    | "consistency"
    | "amplification"
    | "power"
    | "config_audit"
    | "tensor_audit"
    | "checksums"
    | "culprit"
    | "error"
  >
> & {
  readonly sites: readonly SiteVerdict[];
  /** Sites that only the reference has, and only the engine has. */
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** The first place whose padding is not a number in the engine alone. */
  readonly padding?: Culprit["padding"];
};

/** The part of a verdict that is known before the case runs. */
export interface Frame {
  readonly testCase: Case;
  readonly mode: Verdict["mode"];
  readonly engine: Verdict["engine"];
  readonly rerun: NonNullable<Verdict["rerun"]>;
  readonly reference: Verdict["reference"];
  readonly dtype: string;
  readonly seed: number;
  readonly limit: number;
  readonly started: Date;
}

/** The frame of a case that starts now, before anything is known of the engines. */
export function openFrame(
  testCase: Case,
  options: { mode: Verdict["mode"]; engine: string; dtype?: string; seed?: number; limit: number },
): Frame {
  const { mode, engine, dtype = "float32", seed = 0, limit } = options;
  const unknown = { version: "?", versions: {} };
  return {
    testCase,
    mode,
    dtype,
    seed,
    limit,
    engine: { ...unknown, name: engine },
    rerun: { engine, ...(testCase.faultId && { fault: testCase.faultId }) },
    reference: { ...unknown, name: mode === "golden" ? "golden" : "?" },
    started: new Date(),
  };
}

/** A verdict of status `error`: nothing could be compared. */
export function errorVerdict(frame: Frame, error: unknown): Verdict {
  return buildVerdict(frame, { sites: [], missing: [], unexpected: [], error: describeError(error) });
}

/** Draws the conclusion: status, coverage, worst site, culprit, and whether the case's expectation is met. */
export function buildVerdict(frame: Frame, findings: Findings): Verdict {
  const { testCase } = frame;
  const sites = [...findings.sites].toSorted((a, b) => a.order - b.order);
  const compared = sites.filter(({ status }) => status === "pass" || status === "fail").length;
  const culprits = findings.culprit
    ? [findings.culprit]
    : findCulprits(sites).map((located) => culpritOf(located, findings.padding));
  const culprit = culprits[0] ?? null;
  const status = conclude(findings, sites, compared);
  const met =
    testCase.expect === "pass" ? status === "pass" : status === "fail" && culprit?.site === testCase.expect.fail_at;
  return {
    schema: verdictVersion,
    case: testCase.name,
    ...(testCase.file !== undefined && { case_file: repositoryPath(testCase.file) }),
    mode: frame.mode,
    status,
    expectation: testCase.expect,
    met,
    engine: frame.engine,
    reference: frame.reference,
    dtype: frame.dtype,
    seed: frame.seed,
    limit: frame.limit,
    phases: testCase.phases.map(({ name }) => name),
    coverage: {
      compared,
      total: sites.length,
      unknown: [...new Set(findings.missing)],
      unexpected: [...new Set(findings.unexpected)],
    },
    worst: worstSite(sites),
    culprit,
    culprits,
    sites,
    logits: findings.logits ?? [],
    consistency: findings.consistency ?? [],
    amplification: findings.amplification ?? [],
    power: findings.power ?? null,
    config_audit: findings.config_audit ?? null,
    tensor_audit: findings.tensor_audit ?? null,
    error: findings.error ?? null,
    rerun: frame.rerun,
    checksums: findings.checksums ?? {},
    started: frame.started.toISOString(),
    seconds: (Date.now() - frame.started.getTime()) / 1000,
  };
}

/**
 * unknown never counts as green, nothing compared is a failure, and a broken engine is an error whatever else was seen.
 */
function conclude(findings: Findings, sites: readonly SiteVerdict[], compared: number): Verdict["status"] {
  if (findings.error) return "error";
  const failing = sites.some(({ status }) => status === "fail");
  const wrongTensors = findings.tensor_audit ? !tensorsAgree(findings.tensor_audit) : false;
  if (failing || wrongTensors || findings.unexpected.length > 0 || compared === 0) return "fail";
  if (findings.amplification?.some((check) => check.status === "fail")) return "fail";
  if (blamesEngine(findings.consistency ?? [])) return "fail";
  return sites.every(({ status }) => status === "pass") ? "pass" : "unknown";
}

/** An engine that disagrees with itself is wrong only where the reference agrees with itself. */
function blamesEngine(checks: readonly Consistency[]): boolean {
  const [engine, ...references] = checks;
  return engine?.status === "fail" && references.every(({ status }) => status === "pass");
}

/**
 * The site with the largest ratio that decides: the local one where there is one; errors that others have grown are not
 * its own.
 */
function worstSite(sites: readonly SiteVerdict[]): Verdict["worst"] {
  let worst: Verdict["worst"] = null;
  for (const site of sites) {
    const distance = distanceOf(site.local) ?? distanceOf(site.run);
    const ratio = largestRatio(distance);
    if (distance && ratio >= (worst?.ratio ?? 0)) worst = { site: site.site, phase: site.phase, ratio };
  }
  return worst;
}

function culpritOf({ first, also }: Located, padding: Culprit["padding"]): Culprit {
  const { site, phase, local } = first;
  const { why } = failureOf(first)!;
  const inherited = local !== null && local.status !== "fail";
  const symbolic = why.kind === "shape" ? { expected: why.expected, found: why.found } : null;
  return {
    site,
    phase,
    why,
    where: detailOf(first)?.where ?? [],
    inherited,
    ...(padding && inherited && why.kind === "not finite" && { padding }),
    shapes: symbolic && { ...symbolic, expected_sizes: [], found_sizes: [], causes: [] },
    also: [...also],
  };
}

/** The `error` of a verdict for anything thrown. */
export function describeError(thrown: unknown): NonNullable<Verdict["error"]> {
  const error = explainSystemError(thrown);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError || error instanceof SafetensorsError)
    return { kind: "usage", message, stderr_tail: [] };
  if (error instanceof EnvironmentError) return { kind: "environment", message, stderr_tail: [...error.stderrTail] };
  if (error instanceof PythonUnavailable) return { kind: "environment", message, stderr_tail: [] };
  if (error instanceof ReferenceFailure) {
    const { stderrTail, remedy } = error.cause;
    return { kind: error.kind, message, stderr_tail: [...stderrTail], ...(remedy && { remedy }) };
  }
  if (!(error instanceof EngineFailure)) return { kind: "engine", message, stderr_tail: [] };
  return { kind: "engine", message, stderr_tail: [...error.stderrTail], ...(error.remedy && { remedy: error.remedy }) };
}

/** The identity of an engine in a verdict. */
export function identify(hello: Result<"hello">, fault?: string): Verdict["engine"] {
  const { name, version, versions } = hello;
  return { name, version, versions, ...(fault && { fault }) };
}
