import type { Numbers } from "../compare/distance.ts";
import type { TokenMask } from "../compare/padding.ts";
import { hidePadding } from "../compare/padding.ts";
import type { Consistency } from "../verdict/audit.ts";
import { maxRatio } from "../verdict/numbers.ts";
import type { PhaseSpec } from "../engine/specs.ts";
import type { Site } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";

/** The phase that all others are checked against. */
const wholePhase = "full";

/** Follows the layers' outputs and the logits of one engine through its phases. */
export interface ConsistencyTracker {
  /** `noise`: the reference's noise at this site and phase. */
  add(tap: { site: Site; phase: string; tensor: RawTensor; noise: number }): void;
  result(limit: number): Consistency;
}

interface Part {
  readonly phase: PhaseSpec;
  readonly values: Numbers;
  readonly noise: number;
}

/**
 * Compares, within one engine, the rows of each cached phase (chunk, decode step) with the same rows of one full
 * forward. What differs there is the engine's own doing: cache, positions or masks.
 */
export function trackConsistency(
  engine: string,
  phases: readonly PhaseSpec[],
  tokensOf: (phase: PhaseSpec) => TokenMask,
): ConsistencyTracker {
  const parts = new Map<Site, Part[]>();
  let compared = 0;
  let worst: Consistency["worst"] = null;

  const compareRows = (site: Site, whole: RawTensor, noise: number): void => {
    const [batch = 1, length = 1] = whole.shape;
    const width = whole.shape.slice(2).reduce((product, size) => product * size, 1);
    const wholeValues = toNumbers(whole);
    for (const part of parts.get(site) ?? []) {
      const tokens = part.phase.end - part.phase.start;
      const rows = new Float64Array(batch * tokens * width);
      for (let b = 0; b < batch; b++)
        rows.set(
          wholeValues.subarray((b * length + part.phase.start) * width, (b * length + part.phase.end) * width),
          b * tokens * width,
        );
      hidePadding(site, [batch, tokens, width], tokensOf(part.phase), rows);
      const difference = rmsDifference(rows, part.values);
      const ratio = difference === 0 ? 0 : difference / Math.max(noise, part.noise);
      const capped = ratio <= maxRatio ? ratio : maxRatio; // also what is not a number
      compared++;
      if (!worst || capped > worst.ratio) worst = { site, phase: part.phase.name, ratio: capped };
    }
    parts.delete(site);
  };

  return {
    add({ site, phase: name, tensor, noise }) {
      const phase = phases.find((other) => other.name === name);
      if (!phase || tensor.shape[1] !== phase.end - phase.start || !isFollowed(site)) return;
      if (name === wholePhase) return compareRows(site, tensor, noise);
      const values = Float64Array.from(toNumbers(tensor));
      hidePadding(site, tensor.shape, tokensOf(phase), values);
      parts.set(site, [...(parts.get(site) ?? []), { phase, values, noise }]);
    },
    result: (limit) => ({
      engine,
      status: compared === 0 ? "unknown" : worst !== null && worst.ratio > limit ? "fail" : "pass",
      compared,
      worst,
    }),
  };
}

function isFollowed(site: Site): boolean {
  return site === "logits" || /\.layers\.\d+:out$/.test(site);
}

/** NaN when the lengths differ. */
function rmsDifference(a: Numbers, b: Numbers): number {
  if (a.length !== b.length) return Number.NaN;
  let total = 0;
  for (let index = 0; index < a.length; index++) total += (a[index]! - b[index]!) ** 2;
  return Math.sqrt(total / Math.max(a.length, 1));
}

/** True when the phases hold a full forward to check the others against. */
export function hasWholePhase(phases: readonly PhaseSpec[]): boolean {
  return phases.some(({ name }) => name === wholePhase) && phases.length > 1;
}
