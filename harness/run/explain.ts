import { judge } from "../compare/judge.ts";
import type { Rules } from "../compare/judge.ts";
import type { Culprit } from "../verdict/culprit.ts";
import { distanceOf, isMisshapen } from "../verdict/deciding.ts";
import type { Explanation } from "../verdict/explanation.ts";
import { largestRatio, maxRatio } from "../verdict/numbers.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { SiteVerdict } from "../verdict/site.ts";
import type { EngineProcess } from "../engine/process.ts";
import type { Params } from "../engine/protocol.ts";
import { rankCounterfactuals } from "../explain/ranking.ts";
import { readError } from "../explain/reading.ts";
import { replayRun } from "./replay.ts";
import { describeError } from "./verdict-builder.ts";

/** Culprits that are explained, and phases in which one is looked at: failing ones first. */
const [mostCulprits, mostFailing, mostPassing] = [4, 3, 2];

/** Everything that a search for causes needs beside the verdict. */
export interface ExplainSetting {
  readonly reference: EngineProcess;
  readonly engine: EngineProcess;
  /** The run whose verdict is explained. */
  readonly run: Omit<Params<"run">, "run" | "credits" | "replay" | "explain" | "oracle">;
  /** Rules that the phase's sites are judged by. */
  readonly rules: (phase: string) => Rules;
  /** Longest search at one culprit. */
  readonly seconds: number;
  readonly progress?: (line: string) => void;
}

/**
 * Adds to each of the first culprits why the engine differs there: the run is replayed once more while the reference
 * keeps the calls that lead to the culprits; then its counterfactuals are tried on them, and judged as the sites
 * themselves are.
 */
export async function explainVerdict(setting: ExplainSetting, verdict: Verdict): Promise<Verdict> {
  const wanted = verdict.culprits.slice(0, mostCulprits).filter((culprit) => explainable(verdict, culprit));
  if (wanted.length === 0 || !setting.reference.hello.capabilities.explain) return verdict;
  const looks = new Map(wanted.map((culprit) => [culprit, phasesOf(verdict, culprit)]));
  const targets = [...looks].flatMap(([{ site }, { failing, passing }]) =>
    [...failing, ...passing].map((phase) => ({ site, phase })),
  );
  const last = Math.max(...targets.map(({ phase }) => setting.run.phases.findIndex(({ name }) => name === phase)));
  const replayed = replayRun(setting, {
    ...setting.run,
    phases: setting.run.phases.slice(0, last + 1),
    explain: targets,
  });
  const explanations = new Map<Culprit, Explanation>();
  for (const [culprit, look] of looks) {
    setting.progress?.(`explaining ${culprit.site}`);
    const searched = replayed.then(() => explainSite(setting, verdict, culprit.site, look));
    explanations.set(culprit, await searched.catch((error: unknown) => brokenSearch(verdict, culprit, error)));
  }
  const culprits = verdict.culprits.map((culprit) => {
    const explanation = explanations.get(culprit);
    return explanation ? { ...culprit, explanation } : culprit;
  });
  return { ...verdict, culprits, culprit: culprits[0] ?? null };
}

/**
 * Returns the explanation of a culprit whose search broke: none, with the error's message in its place. The judgement
 * itself stands.
 */
function brokenSearch(verdict: Verdict, { site, phase }: Culprit, error: unknown): Explanation {
  const { message } = describeError(error);
  return {
    status: "unexplained",
    tried: 0,
    ratio: distanceBefore(verdict, site, phase),
    candidates: [],
    reading: { kind: "search broke", message },
    seconds: 0,
  };
}

/** The engine's distance from the reference as it is. */
function distanceBefore({ sites }: Verdict, site: string, phase: string | undefined): number {
  const before = sites.find((one) => one.site === site && one.phase === phase);
  const distance = before ? distanceOf(before.local) : null;
  return distance ? Math.min(largestRatio(distance), maxRatio) : maxRatio;
}

/**
 * True when the site fails locally. A failure that only the whole run shows has its cause elsewhere, so no change of
 * this site's call can explain it.
 */
function explainable({ sites }: Verdict, { site, phase }: Culprit): boolean {
  const found = sites.find((one) => one.site === site && one.phase === phase);
  return found?.local?.status === "fail";
}

interface Look {
  readonly failing: readonly string[];
  readonly passing: readonly string[];
}

/**
 * Phases where the site fails as it does at the culprit, in shape or in values: a tensor whose shape only follows from
 * an earlier mistake (a mask from what caches keep) can't bear out that mistake.
 */
function phasesOf({ sites }: Verdict, culprit: Culprit): Look {
  const own = sites.filter(({ site }) => site === culprit.site);
  const first = own.find(({ phase }) => phase === culprit.phase)!;
  const failing = own.filter((one) => one.local?.status === "fail" && isMisshapen(one) === isMisshapen(first));
  const passing = own.filter(({ local }) => local?.status === "pass");
  const names = (some: readonly SiteVerdict[], most: number): string[] => some.map(({ phase }) => phase).slice(0, most);
  return { failing: names(failing, mostFailing), passing: names(passing, mostPassing) };
}

async function explainSite(
  { reference, rules, seconds }: ExplainSetting,
  verdict: Verdict,
  site: string,
  { failing, passing }: Look,
): Promise<Explanation> {
  const started = performance.now();
  const { tried, candidates, phases, tensors } = await reference.explain({
    site,
    phases: [...failing, ...passing],
    seconds,
  });
  const judgeAt = (place: number, candidate: number | "unchanged") => {
    const [engine, own, oracle] = [
      `engine.${place}`,
      `reference.${candidate}.${place}`,
      `oracle.${candidate}.${place}`,
    ];
    const triple = { site, engine: tensors.get(engine)!, reference: tensors.get(own)!, oracle: tensors.get(oracle)! };
    const alone = judge(triple, { ...rules(phases[place]!), structure: true });
    return { phase: phases[place]!, agrees: alone.status === "pass", ratio: largestRatio(distanceOf(alone)) };
  };
  const controlled = phases.flatMap((phase, place) =>
    failing.includes(phase) && tensors.has(`oracle.unchanged.${place}`) && tensors.has(`reference.unchanged.${place}`)
      ? [judgeAt(place, "unchanged")]
      : [],
  );
  const isSuspect = controlled.length > 0 && controlled.every(({ agrees }) => agrees);
  const judged = candidates.map(({ phases: places, ...facts }, candidate) => ({
    ...facts,
    phases: places.map((place) => judgeAt(place, candidate)),
  }));
  const before = verdict.sites.find((one) => one.site === site && one.phase === failing[0]);
  if (isSuspect)
    return {
      ...{ status: "unexplained", tried, candidates: [], reading: { kind: "unchanged fits" } },
      ...{ ratio: distanceBefore(verdict, site, failing[0]), seconds: (performance.now() - started) / 1000 },
    };
  return rankCounterfactuals(judged, {
    failing,
    unread: verdict.config_audit?.never_read_by_engine ?? [],
    tried,
    ratio: distanceBefore(verdict, site, failing[0]),
    reading: before ? readError(before) : null,
    seconds: (performance.now() - started) / 1000,
  });
}
