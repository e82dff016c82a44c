/** The colour scale of the report: ratio in noise units, logarithmic, with a break at the limit. */

export type Theme = "light" | "dark";

/** Ends of the scale; everything outside takes the colour of the end. */
export const lowestRatio = 0.5;
export const highestRatio = 1e6;

type Colour = readonly [red: number, green: number, blue: number];

interface Ramp {
  readonly below: readonly Colour[];
  readonly above: readonly Colour[];
  /** Colours below the limit for small marks, which need more contrast than areas. */
  readonly belowMark: readonly Colour[];
}

/** Blue to grey below the limit, orange to vermillion above it: told apart by lightness as well as by hue. */
const ramps: Readonly<Record<Theme, Ramp>> = {
  light: {
    below: [
      [150, 190, 226],
      [186, 206, 222],
      [214, 214, 209],
    ],
    belowMark: [
      [66, 122, 184],
      [112, 126, 140],
      [128, 128, 124],
    ],
    above: [
      [245, 168, 60],
      [222, 95, 24],
      [150, 28, 8],
    ],
  },
  dark: {
    below: [
      [40, 86, 132],
      [53, 75, 99],
      [76, 79, 84],
    ],
    belowMark: [
      [112, 166, 222],
      [142, 158, 176],
      [156, 159, 164],
    ],
    above: [
      [176, 112, 24],
      [226, 98, 40],
      [255, 142, 104],
    ],
  },
};

function along(stops: readonly Colour[], share: number): string {
  const position = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const from = Math.min(Math.floor(position), stops.length - 2);
  const mix = position - from;
  const start = stops[from] ?? [0, 0, 0];
  const end = stops[from + 1] ?? start;
  const channel = (index: 0 | 1 | 2): number => Math.round(start[index] + (end[index] - start[index]) * mix);
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}

/** The place of `ratio` between `low` and `high` on a log scale, 0 to 1. */
export function logShare(ratio: number, low: number, high: number): number {
  return Math.log(Math.max(ratio, 1e-12) / low) / Math.log(high / low);
}

/** Fill colour of a ratio, for areas. */
export function ratioColour(ratio: number, limit: number, theme: Theme): string {
  const { below, above } = ramps[theme];
  if (ratio <= limit) return along(below, logShare(ratio, lowestRatio, limit));
  return along(above, logShare(ratio, limit, highestRatio));
}

/** Colour of a ratio for small marks. */
export function markColour(ratio: number, limit: number, theme: Theme): string {
  if (ratio > limit) return ratioColour(ratio, limit, theme);
  return along(ramps[theme].belowMark, logShare(ratio, lowestRatio, limit));
}

const magnitudes: Readonly<Record<Theme, readonly Colour[]>> = {
  light: [
    [240, 240, 236],
    [120, 160, 178],
    [22, 60, 92],
  ],
  dark: [
    [44, 46, 50],
    [74, 122, 146],
    [196, 226, 240],
  ],
};

/** Fill colour of a magnitude, 0 to 1 of the largest one: one hue, by lightness. */
export function magnitudeColour(share: number, theme: Theme): string {
  return along(magnitudes[theme], share);
}

/** Fill colour of a site that has a status and no ratio: shapes and exact sites. */
export function statusColour(status: string, theme: Theme): string {
  const { below, above } = ramps[theme];
  return along(status === "pass" ? below : above, status === "pass" ? 0.25 : 0.6);
}
