/** The results of a case over the nights, beside the verdict of today. */
import type { Status } from "../../verdict/site.ts";
import type { Verdict } from "../../verdict/schema.ts";

/** The result of a case in one night, as far as a trend needs it. */
export interface PastResult {
  readonly night: string;
  readonly case: string;
  readonly engine: string;
  readonly dtype: string;
  readonly seed: number;
  readonly reference: { readonly version: string; readonly roles: readonly string[] };
  readonly status: Status;
  readonly worst: { readonly ratio: number } | null;
}

/** One night. */
export interface TrendPoint {
  readonly night: string;
  readonly status: Status;
  /** The worst ratio, in noise units; null where nothing was compared. */
  readonly ratio: number | null;
}

/**
 * The results of the same case, engine, dtype and seed against the pinned reference, in the order of `history`: one a
 * night.
 */
export function trendOf(verdict: Verdict, history: readonly PastResult[]): TrendPoint[] {
  const engine = verdict.rerun?.engine ?? verdict.engine.name;
  return history
    .filter((line) => line.case === verdict.case && line.engine === engine && line.seed === verdict.seed)
    .filter(({ dtype, reference }) => dtype === verdict.dtype && isOwn(reference, verdict))
    .map(({ night, status, worst }) => ({ night, status, ratio: worst?.ratio ?? null }));
}

function isOwn({ version, roles }: PastResult["reference"], { reference }: Verdict): boolean {
  return roles.includes("pinned") || version === reference.version;
}
