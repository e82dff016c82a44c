import type { Rules, TapTriple } from "../compare/judge.ts";
import { judge } from "../compare/judge.ts";
import { compareLogits } from "../compare/logits.ts";
import { hidePadding } from "../compare/padding.ts";
import type { LogitsAgreement, SiteVerdict } from "../compare/verdict.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Case } from "./case.ts";
import type { InputsFile } from "./inputs-file.ts";
import type { Group } from "./merge.ts";
import { hasWholePhase, trackConsistency } from "./self-consistency.ts";

/** Judges groups as they are completed. */
export function judgeGroups(options: {
  readonly found: Case;
  readonly inputs: InputsFile;
  readonly limit: number;
  /** Stop at the first site that fails locally. */
  readonly bail: boolean;
  /** Called with the number of sites judged so far. */
  readonly progress: ((sites: number) => void) | undefined;
}) {
  const { found, inputs, limit, bail, progress } = options;
  const sites: SiteVerdict[] = [];
  const logits: LogitsAgreement[] = [];
  const phases = new Map(found.phases.map((phase) => [phase.name, phase]));
  const trackers = (["engine", "reference", "oracle"] as const).map((side) => ({
    side,
    tracker: trackConsistency(side, found.phases, inputs.tokensOf),
  }));
  const tokensOf = (phase: string): Pick<Rules, "tokens"> => {
    const spec = phases.get(phase);
    return spec && inputs.padded ? { tokens: inputs.tokensOf(spec) } : {};
  };
  const accumulated = judgeWithMemory();
  const local = judgeWithMemory();

  const complete = ({ site, phase, order, sides }: Group): "go on" | "stop" => {
    const { engine, reference, oracle, localReference, localOracle } = sides as Required<typeof sides>;
    const rules: Rules = { limit, ...tokensOf(phase) };
    const place = { site, phase, order };
    const whole = accumulated({ ...place, engine, reference, oracle }, rules);
    const alone = local(
      { ...place, engine, reference: localReference, oracle: localOracle },
      { ...rules, structure: true },
    );
    const verdict = combine(whole, alone);
    sites.push(verdict);
    const { noise = 0 } = whole.accumulated ?? {};
    for (const { side, tracker } of trackers) tracker.add({ site, phase, tensor: sides[side]!, noise });
    if (site === "logits" && engine.shape.join() === reference.shape.join()) {
      const values = [engine, reference].map((tensor) => visible(tensor, site, rules));
      logits.push(compareLogits(phase, values[0]!, values[1]!, reference.shape.at(-1)!));
    }
    if (sites.length % 64 === 0) progress?.(sites.length);
    return bail && alone.status === "fail" ? "stop" : "go on";
  };

  const findings = () => ({
    logits,
    consistency: hasWholePhase(found.phases) ? trackers.map(({ tracker }) => tracker.result(limit)) : [],
  });
  return { sites, complete, findings };
}

/** A judge that remembers each site's noise: one token's noise alone is a sample of one. */
function judgeWithMemory(): (triple: TapTriple, rules: Rules) => SiteVerdict {
  const relativeNoise = new Map<string, number>();
  return (triple, rules) => {
    const verdict = judge(triple, { ...rules, relativeNoise: relativeNoise.get(triple.site) ?? 0 });
    const { noise = 0, rms = 0 } = verdict.accumulated ?? {};
    if (rms > 0) relativeNoise.set(triple.site, noise / rms);
    return verdict;
  };
}

/**
 * Accumulated and local judgement side by side. The local one decides: when every step does its work right on the data that it got, so does the run, and what is
 * far from the reference's own run is rounding that the model amplified.
 */
function combine(whole: SiteVerdict, alone: SiteVerdict): SiteVerdict {
  return {
    ...alone,
    accumulated_status: whole.status,
    local_status: alone.status,
    ...(!alone.detail && whole.detail && { detail: whole.detail }),
    ...(whole.accumulated && { accumulated: whole.accumulated }),
    ...(alone.accumulated && { local: alone.accumulated }),
  };
}

function visible(tensor: RawTensor, site: string, { tokens }: Rules) {
  const values = toNumbers(tensor).slice();
  if (tokens) hidePadding(site, tensor.shape, tokens, values);
  return values;
}
