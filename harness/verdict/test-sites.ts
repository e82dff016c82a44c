/** Site verdicts for tests. */
import { siteOf } from "./deciding.ts";
import type { Distance, Judgement, SiteVerdict, Why } from "./site.ts";

/** A distance of so many noise units, with nothing known of rows and columns. */
export function distance(ratio: number, more: Partial<Distance> = {}): Distance {
  return { ratio, worst_row: null, worst_column: null, error: ratio, noise: 1, rms: 1, max_error: null, ...more };
}

/** A pass, of this distance where one is given. */
export function pass(ratio?: number): Judgement {
  return { status: "pass", ...(ratio !== undefined && { distance: distance(ratio) }) };
}

/** A failure by a ratio above the limit. */
export function fail(ratio = 434, more: Partial<Extract<Judgement, { status: "fail" }>> = {}): Judgement {
  return { status: "fail", why: noise(ratio), distance: distance(ratio), ...more };
}

/** A ratio above the limit, of the whole tensor. */
export function noise(ratio = 434): Why {
  return { kind: "noise", at: { part: "tensor" }, ratio };
}

/** A site that could not be judged, since the engine does not offer it. */
export const notOffered: Judgement = { status: "unknown", why: { kind: "not offered" } };

/** A site in `prefill` with these judgements. */
export function siteWith(facts: Partial<Omit<SiteVerdict, "status">>): SiteVerdict {
  const expected = { shape: [1, 4], dtype: "F32" };
  return siteOf({ site: "model.norm:out", phase: "prefill", order: 0, expected, run: null, local: null, ...facts });
}
