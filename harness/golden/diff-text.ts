import { format } from "../verdict/words/ratio.ts";
import type { GoldenDiff } from "./diff.ts";
import { isSame } from "./diff.ts";

/** Places of one kind that are listed where not all are asked for. */
const listed = 4;

/** Renders the changes of a golden for people: a line for each change of what it was recorded of, then the places. */
export function renderDiff(diff: GoldenDiff, options: { all?: boolean } = {}): string {
  const { head, added, removed, kinds, bits, moved, noise, compared } = diff;
  if (isSame(diff)) return ` same     ${diff.case}   ${compared} sites`;
  const most = options.all ? Number.POSITIVE_INFINITY : listed;
  const list = (label: string, entries: readonly string[]): string[] => {
    const shown = entries.slice(0, most).map((entry) => `   ${label.padEnd(8)}${entry}`);
    const rest = entries.length - shown.length;
    return rest > 0 ? [...shown, `   ${"".padEnd(8)}and ${rest} more`] : shown;
  };
  const farthest = moved.reduce((worst, one) => (one.ratio > worst.ratio ? one : worst), { place: "", ratio: 0 });
  return [
    ` changed  ${diff.case}   ${compared} in both`,
    ...head.map(({ place, from, to }) => `   ${place} ${from} -> ${to}`),
    ...list("removed", removed),
    ...list("added", added),
    ...list(
      "kind",
      kinds.map(({ place, from, to }) => `${place}   ${from} -> ${to}`),
    ),
    ...list(
      "bits",
      bits.map((place) => `${place}   other values, which must be exact`),
    ),
    ...(moved.length > 0
      ? [`   moved   ${moved.length} of ${compared}, the farthest by ${format(farthest.ratio)}x noise: ${farthest.place}`]
      : []),
    ...list(
      "",
      moved.map(({ place, ratio }) => `${place}   ${format(ratio)}x noise`),
    ),
    ...list(
      "noise",
      noise.map(({ place, factor }) => `${place}   ${format(factor)} times what it was`),
    ),
  ].join("\n");
}
