/** How a case went over the nights, beside the verdict of today. */
import type { Status, Verdict } from "../../compare/verdict.ts";
import type { ResultLine } from "../../history/record.ts";

/** One night. */
export interface TrendPoint {
  readonly night: string;
  readonly status: Status;
  /** The worst ratio, in noise units; null where nothing was compared. */
  readonly ratio: number | null;
}

/** The results of the same case, engine, dtype and seed against the pinned reference, in the order of `history`: one a night. */
export function trendOf(verdict: Verdict, history: readonly ResultLine[]): TrendPoint[] {
  const engine = verdict.rerun?.engine ?? verdict.engine.name;
  return history
    .filter((line) => line.case === verdict.case && line.engine === engine && line.seed === verdict.seed)
    .filter(({ dtype, reference }) => dtype === verdict.dtype && isOwn(reference, verdict))
    .map(({ night, status, worst }) => ({ night, status, ratio: worst?.ratio ?? null }));
}

function isOwn({ version, roles }: ResultLine["reference"], { reference }: Verdict): boolean {
  return roles.includes("pinned") || version === reference.version;
}
