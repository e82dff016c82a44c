/** Decides whether two failures are the same one, whatever the sizes of their models. Pure. */
import type { Culprit } from "../verdict/culprit.ts";
import type { Verdict } from "../verdict/schema.ts";
import { layerOf, parseSite, withoutLayer } from "../trace/site.ts";
import type { Case } from "../case/case.ts";
import { layerField, objectsIn } from "./shrink/config-walk.ts";

/** A failure without what changes when a case shrinks. */
export interface Failure {
  /** The culprit's site without layer numbers; empty for an engine that broke. */
  readonly site: string;
  /** The kind of the difference: `noise`, `shape`, ... */
  readonly kind: string;
  /** The entries of the config's per-layer lists for the culprit's layer: `full_attention`. */
  readonly layer: string;
  /** All culprits, each as its site and kind: a smaller case may have fewer, but none that the first did not have. */
  readonly places: readonly string[];
  /**
   * Changes of the reference that reproduce the engine, the likeliest first: one where that explains it. Empty where
   * none was looked for, or none was found.
   */
  readonly causes: readonly string[];
}

/** The failure of a verdict; null when it passes, could not be judged, or what was asked for can't be run. */
export function failureOf(verdict: Verdict, config: Case["config"]): Failure | null {
  const { status, culprit, error } = verdict;
  if (status === "error")
    return error?.kind === "engine"
      ? { site: culprit?.site ?? "", kind: numberless(error.message), layer: "", places: places(verdict), causes: [] }
      : null;
  if (status !== "fail" || !culprit) return null;
  const { site } = culprit;
  return {
    site: withoutLayer(site),
    kind: kindOf(culprit),
    layer: layerKind(site, config),
    places: places(verdict),
    causes: causesOf(culprit),
  };
}

function places({ culprits }: Verdict): string[] {
  return [...new Set(culprits.map((culprit) => `${withoutLayer(culprit.site)} ${kindOf(culprit)}`))];
}

/** True for the same culprit and the same kind of difference, with nothing new beside it. */
export function sameFailure(one: Failure, other: Failure | null): boolean {
  if (!other || one.site !== other.site || one.kind !== other.kind || one.layer !== other.layer) return false;
  return other.places.every((place) => one.places.includes(place));
}

/**
 * True for the same likeliest cause, which must still be the only one where it was that. Any cause will do where the
 * first failure had none.
 */
export function sameCause({ causes: [wanted, ...others] }: Failure, other: Failure | null): boolean {
  if (wanted === undefined) return true;
  const [likeliest, ...rivals] = other?.causes ?? [];
  return likeliest === wanted && (others.length > 0 || rivals.length === 0);
}

/** The ids of a culprit's causes, without layer numbers; what something is changed to, behind `:` or `=`, stays. */
function causesOf({ explanation }: Culprit): string[] {
  const { status, candidates = [] } = explanation ?? {};
  const counted = status === "explained" ? candidates.slice(0, 1) : status === "ambiguous" ? candidates : [];
  return counted.map(({ id }) => withoutLayer(id));
}

/** The kind of a culprit's difference, without the numbers that change with the size of a model. */
function kindOf({ why, inherited }: Culprit): string {
  return inherited ? `${why.kind}, inherited` : why.kind;
}

function numberless(message: string): string {
  return message.split("\n")[0]!.replaceAll(/\d+(\.\d+)?(e[+-]?\d+)?/g, "N");
}

function layerKind(site: string, config: Case["config"]): string {
  const layer = layerOf(parseSite(site).module);
  if (layer === null) return "";
  return objectsIn(config)
    .flatMap(({ value }) => {
      const layers = value[layerField(value) ?? ""];
      return Object.values(value).filter((list) => Array.isArray(list) && list.length === layers);
    })
    .map((list) => (list as unknown[])[layer])
    .filter((kind) => typeof kind === "string")
    .join();
}
