/** A culprit in words: what is wrong there, and where else. */
import { layerOf, parseSite, withoutLayer } from "../../trace/site.ts";
import type { Culprit } from "../culprit.ts";
import type { ErrorReading } from "../explanation.ts";
import type { Place } from "../site.ts";
import { ranges, some } from "./lists.ts";
import { formulaText } from "./sizes.ts";
import { regionText, whyText } from "./why.ts";

/** Says what is wrong at a culprit, as one sentence without a full stop. */
export function culpritText({ why, where, inherited, padding, shapes }: Culprit): string {
  const what = shapes
    ? `expected [${shapes.expected.join(", ")}], found [${shapes.found.join(", ")}]`
    : [whyText(why), ...where.map(regionText)].join("; ");
  if (padding)
    return `${what}; they come from padding: ${padding.count.toLocaleString("en-US")} values of it are not a number at ${placeText(padding)}, where that begins`;
  return inherited ? `${what}; the module does its work right on the input it recorded, so that input was wrong` : what;
}

/** Says the same as `culpritText`, with the sizes that differ as products of config fields. */
export function culpritWithSizes(culprit: Culprit): string {
  const { shapes } = culprit;
  if (!shapes) return culpritText(culprit);
  const sizes = (list: typeof shapes.expected_sizes): string =>
    list.map((one) => ` (${one.size} = ${formulaText(one)})`).join("");
  return `expected [${shapes.expected.join(", ")}]${sizes(shapes.expected_sizes)}, found [${shapes.found.join(", ")}]${sizes(shapes.found_sizes)}`;
}

/** A place as it is written in a line: `model.norm:out in prefill`; shapes have no phase. */
export function placeText({ site, phase }: Place): string {
  return phase === "shapes" ? site : `${site} in ${phase}`;
}

/**
 * Says where else the same is wrong, grouped: `the same in layers 0-1, in all phases`; other ports, calls and kinds of
 * sites by name. `phases` are those of the verdict.
 */
export function alsoText(
  { site, phase, also }: Pick<Culprit, "site" | "phase" | "also">,
  phases: readonly string[],
): string {
  const groups = [...Map.groupBy(also, (place) => withoutLayer(place.site))];
  const texts = groups.map(([kind, members]) => {
    const isSame = kind === withoutLayer(site);
    const own = layerOf(parseSite(site).module);
    const layers = members.flatMap(({ site: other }) => layerOf(parseSite(other).module) ?? []);
    const others = isSame ? layers.filter((layer) => layer !== own) : layers;
    const what = isSame ? "the same" : kind;
    const where = others.length === 0 ? "" : ` in ${others.length === 1 ? "layer" : "layers"} ${ranges(others)}`;
    return `${what}${where}${phasesText(members, isSame ? [phase] : [], phases)}`;
  });
  return some(texts, 4);
}

/** The phases of some places, with those that are known already all of them, or by name; "" where there is but one. */
function phasesText(places: readonly Place[], known: readonly string[], all: readonly string[]): string {
  const own = [...new Set(places.map(({ phase }) => phase))];
  if (all.length < 2) return "";
  return new Set([...own, ...known]).size >= all.length ? ", in all phases" : `, in ${some(own, 4)}`;
}

/** Says what the size and kind of an error suggest, as one sentence without a full stop. */
export function errorReadingText(reading: ErrorReading): string {
  switch (reading.kind) {
    case "not finite":
      return "values that are not finite on one side only: a row whose keys are all masked, 0 / 0, or more than float16's 65504";
    case "about one rounding": {
      const format = reading.to === "float16" ? "float16 or TF32" : reading.to;
      return `the error is ${percent(reading.relative)} of the values, about what rounding to ${format} leaves: look for an operation, a sum or a buffer in that precision`;
    }
    case "as large as the values":
      return `the error is as large as the values (${percent(reading.relative)}): another tensor, another order, or other weights`;
    case "relative":
      return `the error is ${percent(reading.relative)} of the values`;
    case "unchanged fits":
      return "the reference's own step, made again on what the engine recorded, gives what the engine has: there is nothing to explain, and the failure itself is suspect";
    case "search broke":
      return `the search for the cause broke: ${reading.message}`;
  }
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}
