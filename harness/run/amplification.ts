/** Checks a green run as a whole: logits that differ by more than amplified rounding contradict it. */
import type { Rules } from "../compare/judge.ts";
import { judge } from "../compare/judge.ts";
import type { EngineProcess } from "../engine/process.ts";
import type { Params } from "../engine/protocol.ts";
import type { RawTensor } from "../trace/tensor.ts";
import type { Amplification } from "../verdict/audit.ts";
import { distanceOf, tieOf } from "../verdict/deciding.ts";
import { largestRatio } from "../verdict/numbers.ts";
import type { SiteVerdict } from "../verdict/site.ts";

/** Runs with errors of their own: the largest distance of a few is what the engine may have. */
const seeds = [1, 2, 3];

type Run = Pick<Params<"run">, "inputs" | "phases">;

/**
 * For each phase whose logits pass on their own data and differ in the run by more than the limit: how far the reference
 * amplifies random errors at every site, measured, and whether that explains them. The errors have the size of the
 * engine's own there, at least one noise unit. Empty where no phase is in doubt, where a site fails, and where ties of
 * routers fell otherwise: behind them the numbers depend on nobody's mistake.
 */
export async function checkAmplification(options: {
  readonly reference: EngineProcess;
  readonly run: Run;
  readonly sites: readonly SiteVerdict[];
  readonly rules: (phase: string) => Rules;
}): Promise<Amplification[]> {
  const { reference, run, sites, rules } = options;
  const doubtful = sites.filter(isDoubtful);
  const isDecided = ({ status }: SiteVerdict): boolean => status === "fail";
  if (doubtful.length === 0 || sites.some((site) => isDecided(site) || tieOf(site) !== null)) return [];
  const noise = sites.flatMap(({ site, phase, local }) => {
    const { noise: own = 0, error = 0, rms = 0 } = distanceOf(local) ?? {};
    return rms > 0 ? [{ site, phase, relative: Math.max(own, error) / rms }] : [];
  });
  const [plain, oracle] = [await logitsOf(reference, run), await logitsOf(reference, run, { oracle: true })];
  const amplified = new Map(doubtful.map(({ phase }) => [phase, 0]));
  for (const seed of seeds) {
    const disturbed = await logitsOf(reference, run, { perturb: { seed, noise } });
    for (const [phase, largest] of amplified) {
      const triple = { engine: disturbed.get(phase)!, reference: plain.get(phase)!, oracle: oracle.get(phase)! };
      const ratio = largestRatio(distanceOf(judge({ site: "logits", ...triple }, rules(phase))));
      amplified.set(phase, Math.max(largest, ratio));
    }
  }
  return doubtful.map(({ phase, run: whole }) => {
    const [ratio, grown] = [largestRatio(distanceOf(whole)), amplified.get(phase)!];
    return {
      phase,
      ratio,
      amplified: grown,
      status: ratio > rules(phase).limit * Math.max(1, grown) ? "fail" : "pass",
    };
  });
}

/** True for logits that are right on their own data, though the run as a whole is not. */
function isDoubtful({ site, status, run }: SiteVerdict): boolean {
  return site === "logits" && status === "pass" && run?.status === "fail" && run.why.kind === "noise";
}

async function logitsOf(
  reference: EngineProcess,
  run: Run,
  how: Partial<Pick<Params<"run">, "oracle" | "perturb">> = {},
): Promise<ReadonlyMap<string, RawTensor>> {
  const found = new Map<string, RawTensor>();
  for await (const { phase, taps } of reference.run({ ...run, sites: ["logits"], oracle: false, ...how }))
    for (const { tensor } of taps) found.set(phase, tensor);
  return found;
}
